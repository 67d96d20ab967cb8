// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "model/cgroup.h"
#include "model/process.h"
#include "model/process_choice.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHORT "0123456789ab"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* Paths as the runtimes make them; NULL: no unit, or no container. */
static const struct {
	const char *path, *unit, *container;
} paths[] = {
	{"/", NULL, NULL},
	{"/init.scope", "init.scope", NULL},
	{"/system.slice/nginx.service", "nginx.service", NULL},
	{"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", NULL},
	{"/system.slice/nginx.service/worker", "nginx.service", NULL},
	{"/system.slice/_cgroup.service", "cgroup.service", NULL},
	{"/system.slice/dev-disk.mount", NULL, NULL},
	{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", NULL},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox.scope", "app-firefox.scope", NULL},
	{"/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service", NULL},
	{"/user.slice/user-1000.slice/user@1000.service", "user@1000.service", NULL},
	/* Seen from another namespace. */
	{"/../../system.slice/nginx.service", "nginx.service", NULL},
	{"/..", NULL, NULL},
	/* docker: cgroupfs, systemd, and in it a systemd of the container */
	{"/docker/" ID, NULL, SHORT},
	{"/system.slice/docker-" ID ".scope", "docker-" ID ".scope", SHORT},
	{"/system.slice/docker-" ID ".scope/init.scope", "docker-" ID ".scope", SHORT},
	{"/system.slice/docker-" ID ".scope/system.slice/nginx.service", "docker-" ID ".scope", SHORT},
	/* one in another: the inner one */
	{"/docker/" OTHER "/docker/" ID, NULL, SHORT},
	{"/docker/" OTHER "/kubelet/kubepods/burstable/pod1234/" ID, NULL, SHORT},
	/* podman, as root and as a user, and its monitor */
	{"/machine.slice/libpod-" ID ".scope", "libpod-" ID ".scope", SHORT},
	{"/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", SHORT},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	 "libpod-" ID ".scope", SHORT},
	{"/libpod_parent/libpod-" ID, NULL, SHORT},
	{"/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", NULL},
	/* containerd of Kubernetes: cgroupfs, systemd, systemd of version 1; nerdctl; CRI-O and its monitor */
	{"/kubepods/besteffort/pod0a1b/" ID, NULL, SHORT},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b.slice/cri-containerd-" ID ".scope",
	 "cri-containerd-" ID ".scope", SHORT},
	{"/system.slice/containerd.service/kubepods-burstable-pod0a1b.slice:cri-containerd:" ID, "containerd.service",
	 SHORT},
	{"/system.slice/nerdctl-" ID ".scope", "nerdctl-" ID ".scope", SHORT},
	{"/kubepods.slice/kubepods-pod0a1b.slice/crio-" ID ".scope", "crio-" ID ".scope", SHORT},
	{"/kubepods.slice/kubepods-pod0a1b.slice/crio-conmon-" ID ".scope", "crio-conmon-" ID ".scope", NULL},
	/* systemd-nspawn by hand and as a service; machines of libvirt are none */
	{"/machine.slice/machine-my\\x2dbox.scope", "machine-my\\x2dbox.scope", "my-box"},
	{"/machine.slice/machine-my\\x2dbox.scope/payload/system.slice/sshd.service", "machine-my\\x2dbox.scope",
	 "my-box"},
	{"/machine.slice/systemd-nspawn@web.service/payload", "systemd-nspawn@web.service", "web"},
	{"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "machine-qemu\\x2d1\\x2dvm.scope", NULL},
	/* lxc: of all versions, and its monitor */
	{"/lxc/web/system.slice/nginx.service", NULL, "web"},
	{"/lxc.payload.web", NULL, "web"},
	{"/lxc.payload.web/system.slice/cron.service", NULL, "web"},
	{"/lxc.payload/web", NULL, "web"},
	{"/lxc.monitor.web", NULL, NULL},
	{"/lxc.monitor/web", NULL, NULL},
	/* names that are only similar */
	{"/user.slice/lxc/web", NULL, NULL},
	{"/system.slice/lxc/web", NULL, NULL},
	{"/system.slice/backup-" ID ".scope", "backup-" ID ".scope", NULL},
	{"/docker/0123456789abcdef", NULL, NULL},
	{"/docker/" ID "0", NULL, NULL},
	{"/docker/X123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL, NULL},
	{"/system.slice/docker.service", "docker.service", NULL},
	{"/system.slice/evil\033[2J.service", NULL, NULL},
	{"/lxc.payload.", NULL, NULL},
	{"/machine.slice/machine-.scope", "machine-.scope", NULL},
	{"/system.slice/.service", NULL, NULL},
	{"/machine.slice/machine-a\\x2.scope", "machine-a\\x2.scope", "a\\x2"},
	{"/machine.slice/machine-a\\x00b.scope", "machine-a\\x00b.scope", "a"},
};

static void names_of(const char *path, const char *unit, const char *container)
{
	char got[CGROUP_NAME] = "unchanged";

	assert_int_equal(cgroup_unit(path, got), unit != NULL);
	assert_string_equal(got, unit != NULL ? unit : "unchanged");
	strcpy(got, "unchanged");
	assert_int_equal(cgroup_container(path, got), container != NULL);
	assert_string_equal(got, container != NULL ? container : "unchanged");
}

static void paths_name_units_and_containers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		names_of(paths[i].path, paths[i].unit, paths[i].container);
}

static void a_process_has_the_names(void **state)
{
	struct process *process = process_new(1);

	(void)state;
	process_set_cgroup(process, "/system.slice/docker-" ID ".scope");
	assert_string_equal(process->unit, "docker-" ID ".scope");
	assert_string_equal(process->container, SHORT);
	process_set_cgroup(process, "/");
	assert_string_equal(process->cgroup, "/");
	assert_null(process->unit);
	assert_null(process->container);
	process_set_cgroup(process, NULL);
	assert_null(process->cgroup);
	process_unref(process);
}

/* Contents of /proc/PID/cgroup, and the path chosen; NULL: none. */
static const struct {
	const char *text, *path;
} files[] = {
	{"", NULL},
	{"0::/system.slice/ssh.service\n", "/system.slice/ssh.service"},
	/* version 1 with systemd's own hierarchy, and both versions */
	{"12:pids:/system.slice/ssh.service\n2:cpu,cpuacct:/\n1:name=systemd:/system.slice/ssh.service\n",
	 "/system.slice/ssh.service"},
	{"4:memory:/system.slice/ssh.service\n1:name=systemd:/system.slice/ssh.service/x\n0::/system.slice/ssh.service/"
	 "y\n",
	 "/system.slice/ssh.service/y"},
	/* Only one hierarchy has a group. */
	{"9:name=systemd:/\n4:memory:/batch/17\n3:cpuset:/\n0::/\n", "/batch/17"},
	/* a container without systemd */
	{"11:cpuset:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/\n", "/docker/" ID},
	{"11:cpuset:/docker/" ID "\n1:name=systemd:/user.slice/session-1.scope\n", "/docker/" ID},
	{"0::/\n", "/"},
	{"9:name=systemd:/\n0::/\n", "/"},
	/* a colon in a path, and a group that is gone */
	{"1:name=systemd:/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID "\n",
	 "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID},
	{"0::/system.slice/ssh.service (deleted)\n", "/system.slice/ssh.service"},
	/* cut, malformed, too long */
	{"0::/system.slice/ssh.serv", NULL},
	{"1:name=systemd:/a\n0::/system.slice/ssh.serv", "/a"},
	{"0:/x\nnonsense\n::\n0::relative\n:::/\n", NULL},
	{"0::/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n",
	 NULL},
};

static void one_of_the_hierarchies_is_chosen(void **state)
{
	char path[101];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		strcpy(path, "unchanged");
		if (files[i].path != NULL && strlen(files[i].path) >= sizeof(path)) {
			assert_false(cgroup_path(files[i].text, path, sizeof(path)));
			continue;
		}
		assert_int_equal(cgroup_path(files[i].text, path, sizeof(path)), files[i].path != NULL);
		assert_string_equal(path, files[i].path != NULL ? files[i].path : "unchanged");
	}
}

static void long_names_are_no_names(void **state)
{
	char path[1024] = "/system.slice/";

	(void)state;
	memset(path + strlen(path), 'x', 256);
	strcat(path, ".service");
	names_of(path, NULL, NULL);
	strcat(path, "/docker/" ID);
	names_of(path, NULL, SHORT);
}

/* One word of a kind, and whether it chooses the process. */
static const struct {
	enum choice_kind kind;
	const char *word, *path;
	enum choice_result result;
} choices[] = {
	{CHOICE_COMM, "worker", "/", CHOICE_YES},
	{CHOICE_COMM, "work", "/", CHOICE_NO},
	{CHOICE_COMM, "worker2", NULL, CHOICE_NO},
	{CHOICE_COMM, "worker", NULL, CHOICE_YES},
	{CHOICE_UNIT, "nginx", "/system.slice/nginx.service/x", CHOICE_YES},
	{CHOICE_UNIT, "nginx.service", "/system.slice/nginx.service", CHOICE_YES},
	{CHOICE_UNIT, "nginx.scope", "/system.slice/nginx.service", CHOICE_NO},
	{CHOICE_UNIT, "nginx", "/", CHOICE_NO},
	{CHOICE_UNIT, "nginx", NULL, CHOICE_UNKNOWN},
	{CHOICE_CGROUP, "/system.slice", "/system.slice/nginx.service", CHOICE_YES},
	{CHOICE_CGROUP, "/system.slice/", "/system.slice", CHOICE_YES},
	{CHOICE_CGROUP, "/system.slice", "/system.slices/a", CHOICE_NO},
	{CHOICE_CGROUP, "/", "/a", CHOICE_YES},
	{CHOICE_CGROUP, "/", NULL, CHOICE_UNKNOWN},
	{CHOICE_CONTAINER, SHORT, "/docker/" ID, CHOICE_YES},
	{CHOICE_CONTAINER, "01", "/docker/" ID, CHOICE_YES},
	{CHOICE_CONTAINER, ID, "/docker/" ID, CHOICE_YES},
	{CHOICE_CONTAINER, SHORT "d", "/docker/" ID, CHOICE_NO},
	{CHOICE_CONTAINER, ID "0", "/docker/" ID, CHOICE_NO},
	{CHOICE_CONTAINER, "my-box", "/machine.slice/machine-my\\x2dbox.scope", CHOICE_YES},
	{CHOICE_CONTAINER, "my-boxes", "/machine.slice/machine-my\\x2dbox.scope", CHOICE_NO},
	{CHOICE_CONTAINER, "a", "/", CHOICE_NO},
};

static void names_choose_processes(void **state)
{
	struct process_choice both = {0};
	struct process *process = process_new(1);
	struct err err;

	(void)state;
	strcpy(process->comm, "worker");
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct process_choice choice = {0};

		process_set_cgroup(process, choices[i].path);
		assert_int_equal(process_choice_add(&choice, choices[i].kind, choices[i].word, &err), 0);
		if (process_choice_match(&choice, process) != choices[i].result)
			fail_msg("%s of %s", choices[i].word, choices[i].path != NULL ? choices[i].path : "none");
		assert_int_equal(process_choice_match(&choice, NULL), CHOICE_UNKNOWN);
		process_choice_free(&choice);
		assert_true(process_choice_is_empty(&choice));
		assert_int_equal(process_choice_match(&choice, NULL), CHOICE_YES);
	}
	/* One word of each kind; a kind that differs decides, even if another is unknown. */
	assert_int_equal(process_choice_add(&both, CHOICE_COMM, "none", &err), 0);
	assert_int_equal(process_choice_add(&both, CHOICE_UNIT, "web", &err), 0);
	process_set_cgroup(process, NULL);
	assert_int_equal(process_choice_match(&both, process), CHOICE_NO);
	assert_int_equal(process_choice_add(&both, CHOICE_COMM, "worker", &err), 0);
	assert_int_equal(process_choice_match(&both, process), CHOICE_UNKNOWN);
	process_set_cgroup(process, "/web.service");
	assert_int_equal(process_choice_match(&both, process), CHOICE_YES);
	assert_int_equal(process_choice_add(&both, CHOICE_COMM, "", &err), -EINVAL);
	assert_int_equal(process_choice_add(&both, CHOICE_CGROUP, "web", &err), -EINVAL);
	process_choice_free(&both);
	process_unref(process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_name_units_and_containers),  cmocka_unit_test(a_process_has_the_names),
		cmocka_unit_test(one_of_the_hierarchies_is_chosen), cmocka_unit_test(long_names_are_no_names),
		cmocka_unit_test(names_choose_processes),
	};

	return UNIT_RUN(tests);
}
