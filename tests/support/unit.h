/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * unit.h - cmocka with its includes in the order it wants, and what several
 * unit tests need.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Does fn(arg), run in a child process, die with `word` on standard error? */
static inline int unit_dies(const char *word, void (*fn)(void *), void *arg)
{
	char text[8192];
	size_t n = 0;
	ssize_t got;
	int fd[2], status;
	pid_t pid;

	if (pipe(fd))
		return 0;
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		fn(arg);
		_exit(0);
	}
	close(fd[1]);
	while (n < sizeof(text) - 1 &&
	       (got = read(fd[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	close(fd[0]);
	text[n] = '\0';
	waitpid(pid, &status, 0);
	return status != 0 && strstr(text, word) != NULL;
}
