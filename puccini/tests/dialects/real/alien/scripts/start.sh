#!/bin/sh
export JAVA_HOME=/opt
