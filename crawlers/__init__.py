"""From a catalogue of sources to captured pages; knows nothing of articles or Airflow."""
