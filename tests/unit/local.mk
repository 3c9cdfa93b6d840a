# tests/unit: one module at a time, on the pure archive and Check alone.
noinst_HEADERS += tests/unit/quick.h tests/unit/vectors.h

if HAVE_CHECK
unit_tests = \
	tests/unit/check_base_sets \
	tests/unit/check_base_text \
	tests/unit/check_core \
	tests/unit/check_frames \
	tests/unit/check_gate \
	tests/unit/check_inventory \
	tests/unit/check_machine \
	tests/unit/check_members \
	tests/unit/check_paths \
	tests/unit/check_plan \
	tests/unit/check_proto_encode \
	tests/unit/check_proto_field \
	tests/unit/check_proto_frame \
	tests/unit/check_proto_hex \
	tests/unit/check_proto_message \
	tests/unit/check_proto_short \
	tests/unit/check_proxy \
	tests/unit/check_record \
	tests/unit/check_rhythm \
	tests/unit/check_startrule \
	tests/unit/check_template \
	tests/unit/check_trial \
	tests/unit/check_windows
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

unit_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
unit_LDADD = libtrackup-pure.a $(CHECK_LIBS)
# What some of them share: a core with nothing in it, streams at every split
# point, binary frames, memory of which the n-th call fails. A program without
# sources here has the one of its name.
unit_bare_core = tests/unit/bare_core.c tests/unit/bare_core.h
unit_streams = tests/unit/feeder.c tests/unit/feeder.h \
	tests/unit/splits.c tests/unit/splits.h
unit_hexgram = tests/unit/hexgram.c tests/unit/hexgram.h
unit_starve = tests/unit/starve.c tests/unit/starve.h
unit_starve_wrap = -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc

# Memory runs out here when the test says so.
tests_unit_check_base_sets_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_base_sets_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=calloc -Wl,--wrap=realloc
tests_unit_check_base_sets_LDADD = $(unit_LDADD)

tests_unit_check_base_text_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_base_text_LDADD = $(unit_LDADD)

tests_unit_check_core_SOURCES = tests/unit/check_core.c $(unit_bare_core)
tests_unit_check_core_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_core_LDADD = $(unit_LDADD)

tests_unit_check_frames_SOURCES = tests/unit/check_frames.c $(unit_bare_core)
tests_unit_check_frames_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_frames_LDADD = $(unit_LDADD)

tests_unit_check_gate_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_gate_LDADD = $(unit_LDADD)

tests_unit_check_inventory_SOURCES = tests/unit/check_inventory.c $(unit_starve)
tests_unit_check_inventory_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_inventory_LDFLAGS = $(AM_LDFLAGS) $(unit_starve_wrap)
tests_unit_check_inventory_LDADD = $(unit_LDADD)

tests_unit_check_machine_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_machine_LDADD = $(unit_LDADD)

tests_unit_check_members_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_members_LDADD = $(unit_LDADD)

tests_unit_check_paths_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_paths_LDADD = $(unit_LDADD)

tests_unit_check_plan_SOURCES = tests/unit/check_plan.c \
	$(unit_starve) $(unit_bare_core)
tests_unit_check_plan_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_plan_LDFLAGS = $(AM_LDFLAGS) $(unit_starve_wrap)
tests_unit_check_plan_LDADD = $(unit_LDADD)

tests_unit_check_proto_encode_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_encode_LDADD = $(unit_LDADD)

tests_unit_check_proto_field_SOURCES = tests/unit/check_proto_field.c \
	$(unit_streams)
tests_unit_check_proto_field_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_field_LDADD = $(unit_LDADD)

tests_unit_check_proto_frame_SOURCES = tests/unit/check_proto_frame.c \
	$(unit_streams)
tests_unit_check_proto_frame_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_frame_LDADD = $(unit_LDADD)

tests_unit_check_proto_hex_SOURCES = tests/unit/check_proto_hex.c \
	$(unit_hexgram) $(unit_streams)
tests_unit_check_proto_hex_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_hex_LDADD = $(unit_LDADD)

tests_unit_check_proto_message_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_message_LDADD = $(unit_LDADD)

tests_unit_check_proto_short_SOURCES = tests/unit/check_proto_short.c \
	$(unit_hexgram)
tests_unit_check_proto_short_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_short_LDADD = $(unit_LDADD)

tests_unit_check_proxy_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proxy_LDADD = $(unit_LDADD)

tests_unit_check_record_SOURCES = tests/unit/check_record.c $(unit_bare_core)
tests_unit_check_record_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_record_LDADD = $(unit_LDADD)

tests_unit_check_rhythm_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_rhythm_LDADD = $(unit_LDADD)

tests_unit_check_startrule_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_startrule_LDADD = $(unit_LDADD)

tests_unit_check_template_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_template_LDADD = $(unit_LDADD)

tests_unit_check_trial_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_trial_LDADD = $(unit_LDADD)

tests_unit_check_windows_CPPFLAGS = $(unit_CPPFLAGS) -I$(top_srcdir)
tests_unit_check_windows_LDADD = $(unit_LDADD)
endif

# The layers, held against the sources and the pure archive itself.
dist_check_SCRIPTS += build-aux/check-layers.sh
TESTS += build-aux/check-layers.sh
EXTRA_DIST += build-aux/pure-symbols.txt

check_PROGRAMS += tests/unit/print_states
tests_unit_print_states_LDADD = libtrackup-pure.a
dist_check_SCRIPTS += tests/unit/t-states.sh
TESTS += tests/unit/t-states.sh
