#!/bin/sh
set -eu
rm -f "$FOLDER/closed"
