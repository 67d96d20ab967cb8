// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plain main() for a fuzz target: runs it on the files named, and on those in
 * the directories named, one TAP result each. Without arguments it takes the
 * corpus that belongs to the program: tests/fuzz/corpus/NAME for fuzz_NAME.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count;

static void run_file(const char *path)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *data = NULL;
	size_t size;
	long length;

	count++;
	if (file == NULL || fseek(file, 0, SEEK_END) < 0 || (length = ftell(file)) < 0) {
		printf("not ok %d - %s cannot be read\n", count, path);
		exit(1);
	}
	rewind(file);
	/* Of exactly this size, so that a sanitizer sees one byte too far. */
	data = malloc((size_t)length ? (size_t)length : 1);
	size = data ? fread(data, 1, (size_t)length, file) : 0;
	fclose(file);
	/* Before it runs: when the target dies, the name of the culprit is the last line. */
	printf("# %s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	printf("ok %d - %s\n", count, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

static void run(const char *path)
{
	struct dirent **entries;
	struct stat status;
	char inner[4096];
	int found;

	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
		run_file(path);
		return;
	}
	found = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < found; i++) {
		snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			run_file(inner);
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "fuzz_") ? strrchr(argv[0], '/') : NULL, *source = getenv("top_srcdir");
	char corpus[2048];

	name = name ? name + 1 : argv[0];
	snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", source ? source : TOP_SRCDIR,
		 strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
	if (argc < 2)
		run(corpus);
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	if (count == 0) {
		printf("not ok 1 - nothing to run in %s\n1..1\n", corpus);
		return 1;
	}
	printf("1..%d\n", count);
	return 0;
}
