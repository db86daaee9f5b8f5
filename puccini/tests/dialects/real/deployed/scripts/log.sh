#!/bin/sh
# Writes down that it ran, and for what.
echo "$WHAT $SUBJECT" >> /tmp/khutulun-real.log
