"""The network (`network`) and the posteriors that it states (`heads`)."""
