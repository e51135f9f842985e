"""Airflow DAGs that schedule crawlers and pipelines, and show how they are."""
