"""Airflow with our DAGs on one machine, started and ended as one thing: `python -m dags.standalone`, `make run`.

    __main__       what happens in which order
    processes      starting children, and ending all that ever came of them
    ports          who listens where, asked before anything starts
    airflow_home   Airflow's configuration, secrets, login and database under one folder
    airflow_api    the few requests to Airflow's REST API that are needed

`airflow standalone` itself is not used: it listens on all interfaces and leaves the executor's children behind.
"""
