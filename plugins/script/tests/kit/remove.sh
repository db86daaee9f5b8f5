rm -f "/tmp/kit-scripts/$KHUTULUN_SERVICE"
if [ -d /tmp/kit-scripts ]; then rmdir --ignore-fail-on-non-empty /tmp/kit-scripts; fi
