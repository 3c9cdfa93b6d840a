# tests/unit: one module at a time, on the pure archive and Check alone.
if HAVE_CHECK
unit_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
unit_LDADD = libtrackup-pure.a $(CHECK_LIBS)
bare_core_sources = tests/unit/bare_core.c tests/unit/bare_core.h \
	tests/unit/quick.h

check_PROGRAMS += tests/unit/check_base_text
TESTS += tests/unit/check_base_text
tests_unit_check_base_text_SOURCES = tests/unit/check_base_text.c \
	tests/unit/quick.h
tests_unit_check_base_text_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_base_text_LDADD = $(unit_LDADD)

# Memory runs out here when the test says so.
check_PROGRAMS += tests/unit/check_base_sets
TESTS += tests/unit/check_base_sets
tests_unit_check_base_sets_SOURCES = tests/unit/check_base_sets.c \
	tests/unit/quick.h
tests_unit_check_base_sets_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_base_sets_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=calloc -Wl,--wrap=realloc
tests_unit_check_base_sets_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_members
TESTS += tests/unit/check_members
tests_unit_check_members_SOURCES = tests/unit/check_members.c
tests_unit_check_members_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_members_LDADD = $(unit_LDADD)

# The n-th call for memory fails.
starve_sources = tests/unit/starve.c tests/unit/starve.h
starve_wrap = -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc

check_PROGRAMS += tests/unit/check_inventory
TESTS += tests/unit/check_inventory
tests_unit_check_inventory_SOURCES = tests/unit/check_inventory.c \
	tests/unit/quick.h $(starve_sources)
tests_unit_check_inventory_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_inventory_LDFLAGS = $(AM_LDFLAGS) $(starve_wrap)
tests_unit_check_inventory_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_plan
TESTS += tests/unit/check_plan
tests_unit_check_plan_SOURCES = tests/unit/check_plan.c \
	$(starve_sources) $(bare_core_sources)
tests_unit_check_plan_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_plan_LDFLAGS = $(AM_LDFLAGS) $(starve_wrap)
tests_unit_check_plan_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_record
TESTS += tests/unit/check_record
tests_unit_check_record_SOURCES = tests/unit/check_record.c \
	$(bare_core_sources)
tests_unit_check_record_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_record_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_frames
TESTS += tests/unit/check_frames
tests_unit_check_frames_SOURCES = tests/unit/check_frames.c \
	$(bare_core_sources)
tests_unit_check_frames_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_frames_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_proxy
TESTS += tests/unit/check_proxy
tests_unit_check_proxy_SOURCES = tests/unit/check_proxy.c
tests_unit_check_proxy_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proxy_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_proto_message
TESTS += tests/unit/check_proto_message
tests_unit_check_proto_message_SOURCES = tests/unit/check_proto_message.c \
	tests/unit/quick.h tests/unit/vectors.h
tests_unit_check_proto_message_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_message_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_proto_encode
TESTS += tests/unit/check_proto_encode
tests_unit_check_proto_encode_SOURCES = tests/unit/check_proto_encode.c \
	tests/unit/quick.h
tests_unit_check_proto_encode_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_encode_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_windows
TESTS += tests/unit/check_windows
tests_unit_check_windows_SOURCES = tests/unit/check_windows.c
tests_unit_check_windows_CPPFLAGS = $(unit_CPPFLAGS) -I$(top_srcdir)
tests_unit_check_windows_LDADD = $(unit_LDADD)

unit_stream_sources = tests/unit/feeder.c tests/unit/feeder.h \
	tests/unit/splits.c tests/unit/splits.h

check_PROGRAMS += tests/unit/check_proto_frame
TESTS += tests/unit/check_proto_frame
tests_unit_check_proto_frame_SOURCES = tests/unit/check_proto_frame.c \
	tests/unit/quick.h tests/unit/vectors.h $(unit_stream_sources)
tests_unit_check_proto_frame_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_frame_LDADD = $(unit_LDADD)

unit_hexgram_sources = tests/unit/hexgram.c tests/unit/hexgram.h

check_PROGRAMS += tests/unit/check_proto_hex
TESTS += tests/unit/check_proto_hex
tests_unit_check_proto_hex_SOURCES = tests/unit/check_proto_hex.c \
	tests/unit/quick.h $(unit_hexgram_sources) $(unit_stream_sources)
tests_unit_check_proto_hex_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_hex_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_proto_short
TESTS += tests/unit/check_proto_short
tests_unit_check_proto_short_SOURCES = tests/unit/check_proto_short.c \
	tests/unit/quick.h $(unit_hexgram_sources)
tests_unit_check_proto_short_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_short_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_template
TESTS += tests/unit/check_template
tests_unit_check_template_SOURCES = tests/unit/check_template.c
tests_unit_check_template_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_template_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_proto_field
TESTS += tests/unit/check_proto_field
tests_unit_check_proto_field_SOURCES = tests/unit/check_proto_field.c \
	$(unit_stream_sources)
tests_unit_check_proto_field_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_proto_field_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_machine
TESTS += tests/unit/check_machine
tests_unit_check_machine_SOURCES = tests/unit/check_machine.c
tests_unit_check_machine_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_machine_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_gate
TESTS += tests/unit/check_gate
tests_unit_check_gate_SOURCES = tests/unit/check_gate.c tests/unit/quick.h
tests_unit_check_gate_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_gate_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_startrule
TESTS += tests/unit/check_startrule
tests_unit_check_startrule_SOURCES = tests/unit/check_startrule.c
tests_unit_check_startrule_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_startrule_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_core
TESTS += tests/unit/check_core
tests_unit_check_core_SOURCES = tests/unit/check_core.c $(bare_core_sources)
tests_unit_check_core_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_core_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_trial
TESTS += tests/unit/check_trial
tests_unit_check_trial_SOURCES = tests/unit/check_trial.c
tests_unit_check_trial_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_trial_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_rhythm
TESTS += tests/unit/check_rhythm
tests_unit_check_rhythm_SOURCES = tests/unit/check_rhythm.c
tests_unit_check_rhythm_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_rhythm_LDADD = $(unit_LDADD)

check_PROGRAMS += tests/unit/check_paths
TESTS += tests/unit/check_paths
tests_unit_check_paths_SOURCES = tests/unit/check_paths.c
tests_unit_check_paths_CPPFLAGS = $(unit_CPPFLAGS)
tests_unit_check_paths_LDADD = $(unit_LDADD)
endif

# The layers, held against the sources and the pure archive itself.
dist_check_SCRIPTS += build-aux/check-layers.sh
TESTS += build-aux/check-layers.sh
EXTRA_DIST += build-aux/pure-symbols.txt

check_PROGRAMS += tests/unit/print_states
tests_unit_print_states_LDADD = libtrackup-pure.a
dist_check_SCRIPTS += tests/unit/t-states.sh
TESTS += tests/unit/t-states.sh
