"""Connect the pipeline to Kafka through Faust; the only room that imports either."""
