"""What tests of Khutulun, and of drivers, share."""
