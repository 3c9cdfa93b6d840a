# core: decisions; with base and proto the pure archive, free of any library.
noinst_LIBRARIES += libtrackup-pure.a
libtrackup_pure_a_SOURCES = $(libtrackup_base_a_SOURCES) $(proto_sources) \
	src/core/attempt_actions.c \
	src/core/attempt_guards.c \
	src/core/attempts.c \
	src/core/campaign_files.c \
	src/core/campaigns.c \
	src/core/check.c \
	src/core/core.c src/core/core.h \
	src/core/devices.c \
	src/core/diagnosis.c \
	src/core/downloads.c \
	src/core/event.c src/core/event.h src/core/feed.h \
	src/core/exclude.c \
	src/core/frames.c \
	src/core/gate.c src/core/gate.h \
	src/core/holds.c \
	src/core/hops.c \
	src/core/intake.c \
	src/core/inventory.c src/core/inventory.h \
	src/core/load.c \
	src/core/machine.c src/core/machine.h \
	src/core/members.c \
	src/core/models.c \
	src/core/operate.c \
	src/core/outcomes.c \
	src/core/pace.c \
	src/core/packages.c \
	src/core/paths.c src/core/paths.h \
	src/core/pending.c \
	src/core/plan.c src/core/plan.h \
	src/core/plant.c src/core/plant.h \
	src/core/quarantine.c \
	src/core/reads.c \
	src/core/record.c src/core/record.h \
	src/core/report.c src/core/report.h \
	src/core/retry.c \
	src/core/rhythm.c src/core/rhythm.h \
	src/core/rules.c \
	src/core/schedule.c \
	src/core/spec.c src/core/spec.h \
	src/core/startrule.c src/core/startrule.h \
	src/core/state.h \
	src/core/sweep.c \
	src/core/targets.c \
	src/core/trial.c src/core/trial.h \
	src/core/trial_fleet.c \
	src/core/trial_priv.h \
	src/core/trial_tracker.c \
	src/core/trial_world.c \
	src/core/view.c src/core/view.h \
	src/core/view_wave.c \
	src/core/wave_pick.c \
	src/core/waves.c \
	src/core/windows.c \
	src/core/words.c src/core/words.h
