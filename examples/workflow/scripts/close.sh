#!/bin/sh
set -eu
touch "$FOLDER/closed"
