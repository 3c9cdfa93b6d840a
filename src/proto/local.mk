# proto: @Track on the wire, bytes ↔ messages, nothing else.
proto_sources = \
	src/proto/encode.c src/proto/encode.h \
	src/proto/frame.c src/proto/frame.h \
	src/proto/message.c src/proto/message.h
