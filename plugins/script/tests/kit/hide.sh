rm -f "/tmp/kit-scripts/$KHUTULUN_SERVICE.shown"
