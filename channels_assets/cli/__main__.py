from channels_assets.cli.main import main

main()
