"""From captured pages to an archive of articles; knows nothing of Scrapy, Twisted or Airflow."""
