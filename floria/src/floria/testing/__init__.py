"""What test suites of Floria and of store backends share. Needs Hypothesis; nothing else imports it."""
