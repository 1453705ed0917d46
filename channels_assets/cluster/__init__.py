"""Many machines: Celery workers that take runs, and Dagster's tables in PostgreSQL.

Needs `pip install channels-assets[cluster]`. It imports nothing of this project and nothing imports it:
dagster.yaml and the worker's command name its modules.
"""
