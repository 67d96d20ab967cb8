/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_CGROUP_H
#define CONNTRACE_MODEL_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* Control groups by name, cgroups(7): the path of a process, and the unit and the container that the path names. */

/** Room for the longest name of a control group, with its NUL (NAME_MAX). */
#define CGROUP_NAME 256

/**
 * cgroup_path() - the control group of a process
 * @text: content of /proc/PID/cgroup, of version 1, 2 or both
 * @path: set on success only, raw bytes
 * @size: room there
 *
 * In version 1 there is a path per hierarchy. The one that names a container is taken, else one that names a unit, else
 * one that is not the root; among equals that of version 2, then that of systemd.
 *
 * Return: false when there is none, or when it does not fit.
 */
bool cgroup_path(const char *text, char *path, size_t size);

/**
 * cgroup_unit() - the unit of systemd(1) that a path names, "nginx.service"
 * @path: as seen by this process's namespace; of another one it may begin with ".."
 * @unit: set on success only
 *
 * That of the system's manager, as ps -o unit shows it; below "user@UID.service" that of the user's manager.
 *
 * Return: false when it names none.
 */
bool cgroup_unit(const char *path, char unit[CGROUP_NAME]);

/**
 * cgroup_container() - the innermost container that a path names
 * @container: set on success only: the first 12 digits of an identifier of docker(1), podman(1), containerd, nerdctl or
 *             CRI-O, or the name of one of systemd-nspawn(1) or lxc(7)
 *
 * Names by the documents and sources of the runtimes, for cgroupfs and for systemd.
 *
 * Return: false when it names none; monitors (conmon, lxc.monitor) and virtual machines are none.
 */
bool cgroup_container(const char *path, char container[CGROUP_NAME]);

#endif
