// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/cgroup.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* Digits of a container's identifier, and how many of them docker ps and podman ps show. */
#define ID_DIGITS 64
#define ID_SHOWN 12

/* Copy the next component of @path to @name; an overlong one becomes "". Return: NULL at the end, else the rest. */
static const char *next_name(const char *path, char name[CGROUP_NAME])
{
	size_t length;

	path += strspn(path, "/");
	length = strcspn(path, "/");
	if (length == 0)
		return NULL;
	name[0] = '\0';
	if (length < CGROUP_NAME) {
		memcpy(name, path, length);
		name[length] = '\0';
	}
	return path + length;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), end = strlen(suffix);

	return length > end && strcmp(name + length - end, suffix) == 0;
}

/* Cut @suffix off; Return: false when it is not there. */
static bool cut_suffix(char *name, const char *suffix)
{
	if (!has_suffix(name, suffix))
		return false;
	name[strlen(name) - strlen(suffix)] = '\0';
	return true;
}

static const char *after_prefix(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) == 0 && name[length] != '\0' ? name + length : NULL;
}

/* ---- units ----------------------------------------------------------------------- */

/* systemd puts "_" before a name that the kernel could take for one of its files (CGroup delegation, "escaping"). */
static void unescape_name(char *name)
{
	if (name[0] == '_')
		memmove(name, name + 1, strlen(name));
}

/* Characters as in systemd.unit(5). */
static bool is_unit(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";

	return (has_suffix(name, ".service") || has_suffix(name, ".scope")) && strspn(name, allowed) == strlen(name);
}

/* The first unit behind slices and what @path begins with. */
static const char *first_unit(const char *path, char unit[CGROUP_NAME])
{
	char name[CGROUP_NAME];

	while ((path = next_name(path, name)) != NULL) {
		unescape_name(name);
		if (strcmp(name, "..") == 0 || has_suffix(name, ".slice"))
			continue;
		if (!is_unit(name))
			return NULL;
		memcpy(unit, name, sizeof(name));
		return path;
	}
	return NULL;
}

bool cgroup_unit(const char *path, char unit[CGROUP_NAME])
{
	char found[CGROUP_NAME], inner[CGROUP_NAME];
	const char *rest = first_unit(path, found);

	if (rest == NULL)
		return false;
	/* The user's manager itself is in the scope "init.scope" below its service. */
	if (after_prefix(found, "user@") != NULL && first_unit(rest, inner) != NULL && strcmp(inner, "init.scope") != 0)
		memcpy(found, inner, sizeof(found));
	memcpy(unit, found, sizeof(found));
	return true;
}

/* ---- containers ------------------------------------------------------------------ */

/* systemd-escape(1): "\x2d" is a byte. */
static void unescape_bytes(char *name)
{
	char *to = name;

	while (*name != '\0') {
		char digits[3] = "", *end = digits, byte = *name;

		if (name[0] == '\\' && name[1] == 'x' && name[2] != '\0')
			memcpy(digits, name + 2, 2);
		if (strspn(digits, "0123456789abcdef") == 2)
			byte = (char)strtoul(digits, &end, 16);
		name += end != digits ? 4 : 1;
		*to++ = byte;
	}
	*to = '\0';
}

/* What is before the identifier: "docker-", or that of the CRI plugin of containerd, "kubepods-...:cri-containerd:". */
static bool is_runtime(const char *prefix, size_t length)
{
	static const char *const runtimes[] = {"docker", "libpod", "cri-containerd", "crio", "nerdctl"};
	const char *colon;

	if (length == 0)
		return true;
	if (prefix[length - 1] != '-' && prefix[length - 1] != ':')
		return false;
	length--;
	colon = memrchr(prefix, ':', length);
	if (colon != NULL) {
		length -= (size_t)(colon + 1 - prefix);
		prefix = colon + 1;
	}
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (strlen(runtimes[i]) == length && memcmp(runtimes[i], prefix, length) == 0)
			return true;
	return false;
}

/* "docker-0123...ef", "0123...ef" */
static bool take_identifier(const char *name, char container[CGROUP_NAME])
{
	size_t length = strlen(name);
	const char *id;

	if (length < ID_DIGITS)
		return false;
	id = name + length - ID_DIGITS;
	if (strspn(id, "0123456789abcdef") != ID_DIGITS || !is_runtime(name, length - ID_DIGITS))
		return false;
	memcpy(container, id, ID_SHOWN);
	container[ID_SHOWN] = '\0';
	return true;
}

/* The names of systemd-nspawn: "machine-NAME.scope", "systemd-nspawn@NAME.service"; libvirt's machines are no
 * containers. */
static bool take_machine(const char *name, char container[CGROUP_NAME])
{
	char plain[CGROUP_NAME];
	const char *machine;

	memcpy(plain, name, strlen(name) + 1);
	machine = cut_suffix(plain, ".scope")     ? after_prefix(plain, "machine-")
		  : cut_suffix(plain, ".service") ? after_prefix(plain, "systemd-nspawn@")
						  : NULL;
	if (machine == NULL || after_prefix(machine, "qemu\\x2d") != NULL)
		return false;
	memcpy(container, machine, strlen(machine) + 1);
	unescape_bytes(container);
	return true;
}

/* @is_lxc: the names below the one above are those of LXC */
static bool take_container(bool is_lxc, const char *name, char container[CGROUP_NAME])
{
	const char *found = is_lxc ? name : after_prefix(name, "lxc.payload.");
	char plain[CGROUP_NAME];

	if (found != NULL && found[0] != '\0') {
		memcpy(container, found, strlen(found) + 1);
		return true;
	}
	memcpy(plain, name, strlen(name) + 1);
	(void)cut_suffix(plain, ".scope");
	return take_identifier(plain, container) || take_machine(name, container);
}

bool cgroup_container(const char *path, char container[CGROUP_NAME])
{
	bool is_first = true, is_lxc = false, is_found = false;
	char name[CGROUP_NAME];

	while ((path = next_name(path, name)) != NULL) {
		if (strcmp(name, "..") == 0)
			continue;
		is_found |= take_container(is_lxc, name, container);
		/* LXC before 4.0 has "/lxc/NAME", at the top only: below it, anybody may have chosen the name. */
		is_lxc = (is_first && strcmp(name, "lxc") == 0) || strcmp(name, "lxc.payload") == 0;
		is_first = false;
	}
	return is_found;
}

/* ---- the file -------------------------------------------------------------------- */

/* Order of the hierarchies of one process, the best one last. */
static int rank_of(const char *controllers, const char *path)
{
	char name[CGROUP_NAME];
	int rank = strcmp(path, "/") != 0 ? 3 : 0;

	if (cgroup_container(path, name))
		rank = 9;
	else if (cgroup_unit(path, name))
		rank = 6;
	if (controllers[0] == '\0')
		return rank + 2;
	return rank + (strcmp(controllers, "name=systemd") == 0);
}

bool cgroup_path(const char *text, char *path, size_t size)
{
	char *lines = xstrdup(text), *rest = lines, *line;
	int best = -1;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *controllers = strchr(line, ':');
		char *found = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

		/* A line that the buffer cuts has no line feed. */
		if (found == NULL || rest == NULL || found[1] != '/')
			continue;
		*found++ = '\0';
		(void)cut_suffix(found, " (deleted)");
		if (strlen(found) >= size || rank_of(controllers + 1, found) <= best)
			continue;
		best = rank_of(controllers + 1, found);
		memcpy(path, found, strlen(found) + 1);
	}
	free(lines);
	return best >= 0;
}
