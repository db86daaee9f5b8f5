"""What tests of the API and of its clients share: a conductor without a store. Nothing else imports it."""
