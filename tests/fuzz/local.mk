# tests/fuzz: one small target per reader of foreign bytes. A target defines
# LLVMFuzzerTestOneInput(); its corpus below tests/fuzz/corpus is replayed in
# every check, and `make fuzz` goes on from it for FUZZ_SECONDS each. What it
# finds worth keeping stays below fuzz/ in the build directory.
FUZZ_CC = clang
FUZZ_CFLAGS = -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=fuzzer,address,undefined
FUZZ_SECONDS = 60
# Where they are built, and a main() for those that need one: see `make afl`.
fuzzdir = fuzz
FUZZ_MAIN =

# Everything is compiled anew: the fuzzer must see the branches of our code,
# not only those of the target.
fuzz_build = $(MKDIR_P) $(fuzzdir); set --; \
	for f in $(1) $(FUZZ_MAIN); do case $$f in \
		*.c) set -- "$$@" $(top_srcdir)/$$f;; esac; done; \
	$(FUZZ_CC) $(FUZZ_CFLAGS) -I. $(DEFS) $(2) -o $@ "$$@" $(3)

EXTRA_DIST += tests/fuzz/corpus tests/fuzz/api.dict tests/fuzz/core.dict \
	tests/fuzz/frame.dict \
	tests/fuzz/hex1.dict tests/fuzz/hex2.dict tests/fuzz/proxy.dict tests/fuzz/mutate_hex.h \
	tests/fuzz/mutate_hex1.c tests/fuzz/mutate_hex2.c \
	tests/fuzz/yaml.dict

fuzz_frame_sources = tests/fuzz/fuzz_frame.c tests/fuzz/fuzz.h \
	tests/unit/feeder.c tests/unit/feeder.h
check_PROGRAMS += tests/fuzz/replay_frame
TESTS += tests/fuzz/replay_frame
tests_fuzz_replay_frame_SOURCES = tests/fuzz/replay_main.c \
	$(fuzz_frame_sources)
tests_fuzz_replay_frame_CPPFLAGS = $(AM_CPPFLAGS) \
	-DCORPUS='"tests/fuzz/corpus/frame"'
tests_fuzz_replay_frame_LDADD = libtrackup-pure.a

$(fuzzdir)/fuzz_frame: $(fuzz_frame_sources) $(libtrackup_pure_a_SOURCES)
	$(call fuzz_build,$(fuzz_frame_sources) $(libtrackup_pure_a_SOURCES),$(AM_CPPFLAGS),)

fuzz_proxy_sources = tests/fuzz/fuzz_proxy.c tests/fuzz/fuzz.h
check_PROGRAMS += tests/fuzz/replay_proxy
TESTS += tests/fuzz/replay_proxy
tests_fuzz_replay_proxy_SOURCES = tests/fuzz/replay_main.c \
	$(fuzz_proxy_sources)
tests_fuzz_replay_proxy_CPPFLAGS = $(AM_CPPFLAGS) \
	-DCORPUS='"tests/fuzz/corpus/proxy"'
tests_fuzz_replay_proxy_LDADD = libtrackup-pure.a
$(fuzzdir)/fuzz_proxy: $(fuzz_proxy_sources) $(libtrackup_pure_a_SOURCES)
	$(call fuzz_build,$(fuzz_proxy_sources) $(libtrackup_pure_a_SOURCES),$(AM_CPPFLAGS),)

# The binary families: the same target, with a mutator that sets lengths and
# check sums right, and seeds of their own.
check_PROGRAMS += tests/fuzz/replay_hex1 tests/fuzz/replay_hex2
TESTS += tests/fuzz/replay_hex1 tests/fuzz/replay_hex2
tests_fuzz_replay_hex1_SOURCES = $(tests_fuzz_replay_frame_SOURCES)
tests_fuzz_replay_hex1_CPPFLAGS = $(AM_CPPFLAGS) \
	-DCORPUS='"tests/fuzz/corpus/hex1"'
tests_fuzz_replay_hex1_LDADD = libtrackup-pure.a
tests_fuzz_replay_hex2_SOURCES = $(tests_fuzz_replay_frame_SOURCES)
tests_fuzz_replay_hex2_CPPFLAGS = $(AM_CPPFLAGS) \
	-DCORPUS='"tests/fuzz/corpus/hex2"'
tests_fuzz_replay_hex2_LDADD = libtrackup-pure.a

fuzz_hex_sources = $(fuzz_frame_sources) tests/fuzz/mutate_hex.h \
	$(libtrackup_pure_a_SOURCES)
$(fuzzdir)/fuzz_hex1: $(fuzz_hex_sources) tests/fuzz/mutate_hex1.c
	$(call fuzz_build,$(fuzz_hex_sources) tests/fuzz/mutate_hex1.c,$(AM_CPPFLAGS),)
$(fuzzdir)/fuzz_hex2: $(fuzz_hex_sources) tests/fuzz/mutate_hex2.c
	$(call fuzz_build,$(fuzz_hex_sources) tests/fuzz/mutate_hex2.c,$(AM_CPPFLAGS),)

fuzz_yaml_sources = tests/fuzz/fuzz_yaml.c tests/fuzz/fuzz.h
check_PROGRAMS += tests/fuzz/replay_yaml
TESTS += tests/fuzz/replay_yaml
tests_fuzz_replay_yaml_SOURCES = tests/fuzz/replay_main.c \
	$(fuzz_yaml_sources)
tests_fuzz_replay_yaml_CPPFLAGS = $(AM_CPPFLAGS) \
	-DCORPUS='"tests/fuzz/corpus/yaml"'
tests_fuzz_replay_yaml_LDADD = $(config_libs)

fuzz_yaml_all = $(fuzz_yaml_sources) $(libtrackup_config_a_SOURCES) \
	$(libtrackup_pure_a_SOURCES)
$(fuzzdir)/fuzz_yaml: $(fuzz_yaml_all)
	$(call fuzz_build,$(fuzz_yaml_all),$(AM_CPPFLAGS) \
	    $(YAML_CFLAGS) $(GLIB_CFLAGS),$(YAML_LIBS) $(GLIB_LIBS))

# The API with its fake world; the rest of io is of no use to it.
fuzz_api_sources = tests/fuzz/fuzz_api.c tests/fuzz/fuzz.h \
	$(fake_world_sources)
fuzz_api_cppflags = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS) \
	-I$(top_srcdir)/tests/io
check_PROGRAMS += tests/fuzz/replay_api
TESTS += tests/fuzz/replay_api
tests_fuzz_replay_api_SOURCES = tests/fuzz/replay_main.c $(fuzz_api_sources)
tests_fuzz_replay_api_CPPFLAGS = $(fuzz_api_cppflags) \
	-DCORPUS='"tests/fuzz/corpus/api"'
tests_fuzz_replay_api_LDADD = libtrackup-io.a libtrackup-pure.a $(io_libs)

# The core is the fake world's; of ours it needs some words, from the archive.
fuzz_api_all = $(fuzz_api_sources) $(libtrackup_base_a_SOURCES) \
	$(io_api_sources) src/io/listen.c src/io/loop.c src/core/words.c
$(fuzzdir)/fuzz_api: $(fuzz_api_all) libtrackup-pure.a
	$(call fuzz_build,$(fuzz_api_all),$(fuzz_api_cppflags), \
	    libtrackup-pure.a $(io_libs))

# The core, on a story that the bytes tell (tests/scenario/story.h): its own
# checks and those of the wire after each line. Store and configuration are
# linked as they are.
fuzz_core_sources = tests/fuzz/fuzz_core.c tests/fuzz/fuzz.h \
	$(scenario_world_sources)
fuzz_core_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/scenario \
	-DWORLD_DEVICES=8
check_PROGRAMS += tests/fuzz/replay_core
TESTS += tests/fuzz/replay_core
tests_fuzz_replay_core_SOURCES = tests/fuzz/replay_main.c \
	$(fuzz_core_sources)
tests_fuzz_replay_core_CPPFLAGS = $(fuzz_core_cppflags) \
	-DCORPUS='"tests/fuzz/corpus/core"' -DPREFIXES_MAX=0
tests_fuzz_replay_core_LDADD = libtrackup-store.a libtrackup-config.a \
	libtrackup-pure.a $(STORE_LIBS) $(GLIB_LIBS)

fuzz_core_all = $(fuzz_core_sources) $(libtrackup_pure_a_SOURCES)
$(fuzzdir)/fuzz_core: $(fuzz_core_all) libtrackup-store.a libtrackup-config.a
	$(call fuzz_build,$(fuzz_core_all),$(fuzz_core_cppflags),\
	    libtrackup-store.a libtrackup-config.a $(STORE_LIBS) $(GLIB_LIBS))

fuzz_targets = api core frame hex1 hex2 proxy yaml
fuzz_programs = $(fuzzdir)/fuzz_api $(fuzzdir)/fuzz_core \
	$(fuzzdir)/fuzz_frame $(fuzzdir)/fuzz_hex1 $(fuzzdir)/fuzz_hex2 \
	$(fuzzdir)/fuzz_proxy $(fuzzdir)/fuzz_yaml

# FUZZ="core frame" runs these alone.
fuzz: $(fuzz_programs)
	set -e; for t in $(or $(FUZZ),$(fuzz_targets)); do \
		$(MKDIR_P) fuzz/corpus/$$t; \
		./fuzz/fuzz_$$t -max_total_time=$(FUZZ_SECONDS) -max_len=8192 \
		    -timeout=10 -print_final_stats=1 -verbosity=1 \
		    -dict=$(top_srcdir)/tests/fuzz/$$t.dict \
		    -artifact_prefix=fuzz/ fuzz/corpus/$$t \
		    $(top_srcdir)/tests/fuzz/corpus/$$t; \
	done

# The same functions for AFL++, in its persistent mode; FUZZ="frame" builds that
# one alone. The binary families have a mutator of libFuzzer's own; their frames
# are in the corpus of `frame`.
AFL_CC = afl-clang-fast
AFL_CFLAGS = -g -O1
EXTRA_DIST += tests/fuzz/afl_main.c
afl: libtrackup-store.a libtrackup-config.a
	$(MAKE) fuzzdir=afl FUZZ_CC='$(AFL_CC)' FUZZ_CFLAGS='$(AFL_CFLAGS)' \
	    FUZZ_MAIN=tests/fuzz/afl_main.c \
	    $(addprefix afl/fuzz_,$(or $(FUZZ),api core frame proxy yaml))

.PHONY: fuzz afl
