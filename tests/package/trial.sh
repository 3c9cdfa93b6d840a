#!/usr/bin/env bash
# The Debian package where it will live: built in a fresh Debian, looked at by
# lintian, installed under a systemd that is process 1, and put through
# debian/tests: a campaign, an upgrade in the middle of it, removal.
#
#   make package-trial                  in bookworm
#   make package-trial SUITE=trixie     in another suite
#   KEEP=yes                            the root stays, in $DIR/root
#   DIR=FOLDER                          where; default a new one below /var/tmp
#
# Needs root, mmdebstrap and the network; some minutes. It is no test of make
# check. systemd runs in namespaces of its own (mounts, processes, network), so
# nothing of this machine is touched; its cgroups are below trackupd-trial.
set -u
src=${top_srcdir:?run by make package-trial}
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
dir=${DIR:-$(mktemp -d /var/tmp/trackupd-trial-XXXXXX)}
root=$dir/root
passed=0 failed=0 init=

check() # WHAT COMMAND...
{
	local what=$1
	shift
	if "$@" >"$dir/out" 2>&1; then
		passed=$((passed + 1))
		echo "ok: $what"
	else
		failed=$((failed + 1))
		echo "failed: $what"
		tail -n 25 "$dir/out" | sed 's/^/    /'
		return 1
	fi
}

finish()
{
	[ -z "$init" ] || kill -KILL "$init" 2>/dev/null
	wait 2>/dev/null
	for c in /sys/fs/cgroup/{,*/}trackupd-trial; do
		[ ! -d "$c" ] || find "$c" -depth -type d -exec rmdir {} + \
		    2>/dev/null
	done
	if [ "${KEEP:-}" = yes ]; then
		echo "kept: $dir"
	elif ! grep -q " $root" /proc/mounts; then
		rm -rf --one-file-system "$dir"
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
command -v mmdebstrap >/dev/null || { echo "no mmdebstrap"; exit 77; }
mkdir -p "$dir"

# What it is built with and what its tests need, as debian/ says.
needs=$(sed -n '/^Build-Depends:/,/^[A-Z][a-z-]*:/{
	s/^Build-Depends://; /^[A-Z]/d; s/([^)]*)//; s/<[^>]*>//; s/|.*/,/
	s/debhelper-compat/debhelper/; s/[ \t]//g; p; }' \
    "$src/debian/control" | tr -d '\n')
needs=$needs,build-essential,lintian,systemd,systemd-sysv,procps,dpkg-repack
[ "$suite" != bookworm ] || needs=${needs/,systemd-dev,/,}
security=()
case $suite in
sid|unstable) ;;
*) security=("deb ${mirror%/debian}/debian-security $suite-security main") ;;
esac
# Its mounts (of this machine's /dev, too) are in a namespace of its own: nothing
# that removes the folder can ever get there.
check "a root of $suite" unshare --mount --propagation private \
    mmdebstrap --variant=minbase --include="$needs" \
    "$suite" "$root" "deb $mirror $suite main" "${security[@]}" || finish

mkdir -p "$root/build/trackupd"
tar -C "$src" --exclude=./build --exclude=./.git -cf - . |
    tar -C "$root/build/trackupd" -xf -
"$src/get-version" >"$root/build/trackupd/.dist-version"
in_root() { unshare --mount --pid --fork --mount-proc="$root/proc" \
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive HOME=/root "$@"; }
check "dpkg-buildpackage" in_root sh -c "cd /build/trackupd &&
    DEB_BUILD_OPTIONS='${DEB_BUILD_OPTIONS:-}' dpkg-buildpackage -us -uc -b" ||
    finish
check "lintian" in_root sh -c 'cd /build &&
    lintian --allow-root --fail-on error,warning trackupd_*.changes'

# --- process 1 ---------------------------------------------------------------
# systemd wants cgroups that it may write to, of version 2 or of both.
own_cgroup()
{
	local c
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		set -- /sys/fs/cgroup
	else
		set -- /sys/fs/cgroup/*/
	fi
	for c in "$@"; do
		mkdir -p "$c/trackupd-trial" 2>/dev/null &&
			echo "$BASHPID" >"$c/trackupd-trial/cgroup.procs"
	done 2>/dev/null
	return 0
}

# shellcheck disable=SC2016
boot='
set -e
root=$1 c=$1/sys/fs/cgroup
mount --make-rshared / # of this namespace; as systemd would, and needs
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	mount -t cgroup2 cgroup2 "$c"
else
	mount -t tmpfs -o mode=755 tmpfs "$c"
	for i in $(cut -d: -f 2 /proc/self/cgroup | grep .); do
		mkdir "$c/${i#name=}"
		case $i in
		name=*) mount -t cgroup -o "none,$i" cgroup "$c/${i#name=}" ;;
		*) mount -t cgroup -o "$i" cgroup "$c/$i" ;;
		esac
	done
	mkdir "$c/unified"
	mount -t cgroup2 cgroup2 "$c/unified"
fi
for i in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$i"; done
chmod 1777 "$root/tmp"
for i in null zero full random urandom tty; do
	: >"$root/dev/$i"
	mount --bind "/dev/$i" "$root/dev/$i"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ip link set lo up 2>/dev/null || chroot "$root" ip link set lo up
hostname trackupd-trial
exec env -i container=trial PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" /lib/systemd/systemd --log-target=null </dev/null'
(own_cgroup; exec setsid unshare --mount --uts --ipc --net --pid --fork \
    --kill-child --cgroup sh -c "$boot" boot "$root") >"$dir/boot" 2>&1 &
unshare_pid=$!
inside()
{
	nsenter -t "$init" -m -u -i -n -p -C -r -w env -i LC_ALL=C.UTF-8 \
	    PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	    DEBIAN_FRONTEND=noninteractive setsid "$@" </dev/null
}
booted()
{
	local n
	for ((n = 0; n < 300; n++)); do
		init=$(pgrep -P "$unshare_pid" | head -n 1)
		[ -n "$init" ] && case $(inside systemctl is-system-running) in
		running|degraded) return 0 ;;
		esac
		sleep 0.1
	done
	cat "$dir/boot"
	return 1
}
check "systemd is process 1" booted || finish

deb=/build/$(cd "$root/build" && echo trackupd_[0-9]*.deb)
check "installed" inside dpkg -i "$deb"
check "it runs" inside systemctl is-active trackupd
exposed() { inside systemd-analyze security --threshold=15 trackupd.service; }
check "exposure at most 1.5" exposed
for t in install campaign service upgrade; do
	check "debian/tests/$t" inside timeout 300 \
	    sh "/build/trackupd/debian/tests/$t"
done
# As a breaks-testbed test it goes last.
check "debian/tests/purge" inside timeout 300 \
    sh /build/trackupd/debian/tests/purge
finish
