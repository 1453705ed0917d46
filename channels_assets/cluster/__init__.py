"""Many machines: Celery workers that take runs, and limits that hold over all of them.

Needs `pip install channels-assets[cluster]`; nothing else imports it unless the settings ask for it.
"""
