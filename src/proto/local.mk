# proto: @Track on the wire, bytes ↔ messages, nothing else.
proto_sources = \
	src/proto/crc.c src/proto/crc.h \
	src/proto/encode.c src/proto/encode.h \
	src/proto/frame.c src/proto/frame.h \
	src/proto/hex.h src/proto/hexframe.c \
	src/proto/hex1.c src/proto/hex2.c \
	src/proto/message.c src/proto/message.h \
	src/proto/proxy.c src/proto/proxy.h \
	src/proto/template.c src/proto/template.h
