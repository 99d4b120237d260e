/* SPDX-License-Identifier: MIT */
/*
 * driver.c - runs a fuzz target a number of times, without libFuzzer: what the suite does with every compiler
 *
 *   fuzz-NAME RUNS SEED FILE...
 *
 * Each run takes one of the files and changes it here and there, at random, but the same for the same seed. An input that ends the
 * program is said in hexadecimal.
 */
#include "fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST = 1 << 16, MOST_CHANGES = 8 };

struct file {
	uint8_t *data;
	size_t size;
};

static uint8_t *input;
static size_t input_size;
static uint64_t seed;

static uint32_t chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static struct file read_file(const char *path)
{
	struct file file = { .data = malloc(LARGEST) };
	FILE *f = fopen(path, "rb");

	if (!f || !file.data)
		fuzz_fail("%s cannot be read", path);
	file.size = fread(file.data, 1, LARGEST, f);
	fclose(f);
	return file;
}

/* Numbers that lie at the edge of something. */
static uint32_t edge(void)
{
	static const uint32_t edges[] = { 0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff };

	return edges[chance(sizeof(edges) / sizeof(*edges))];
}

static void change(const struct file *other)
{
	size_t at = input_size ? chance((uint32_t)input_size) : 0, room = LARGEST - input_size, n;
	uint32_t number;

	switch (chance(7)) {
	case 0: /* a bit */
		if (input_size)
			input[at] ^= (uint8_t)(1 << chance(8));
		break;
	case 1: /* a byte */
		if (input_size)
			input[at] = (uint8_t)chance(256);
		break;
	case 2: /* a number */
		number = edge();
		n = (size_t)1 << chance(3);
		if (input_size - at >= n)
			memcpy(input + at, &number, n);
		break;
	case 3: /* cut */
		input_size = at;
		break;
	case 4: /* take out */
		n = input_size ? chance((uint32_t)(input_size - at) + 1) % 64 : 0;
		memmove(input + at, input + at + n, input_size - at - n);
		input_size -= n;
		break;
	case 5: /* put in */
		n = chance(32) < room ? chance(32) : 0;
		n = n < room ? n : 0;
		memmove(input + at + n, input + at, input_size - at);
		for (size_t i = 0; i < n; i++)
			input[at + i] = (uint8_t)chance(256);
		input_size += n;
		break;
	default: /* a part of another one */
		if (other->size) {
			size_t from = chance((uint32_t)other->size);

			n = chance((uint32_t)(other->size - from)) + 1;
			n = n < LARGEST - at ? n : LARGEST - at;
			memcpy(input + at, other->data + from, n);
			if (at + n > input_size)
				input_size = at + n;
		}
		break;
	}
}

/* Only async-signal-safe calls. */
static void tell(void)
{
	static const char digits[] = "0123456789abcdef";
	char text[3] = "";

	for (size_t i = 0; i < input_size; i++) {
		text[0] = digits[input[i] >> 4];
		text[1] = digits[input[i] & 15];
		if (write(STDERR_FILENO, text, 2) < 0)
			return;
	}
	if (write(STDERR_FILENO, "\n", 1) < 0)
		return;
}

static void on_signal(int signal)
{
	tell();
	_exit(128 + signal);
}

/* Of the address sanitizer, where it is. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

int main(int argc, char **argv)
{
	long runs = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	size_t n = argc > 3 ? (size_t)argc - 3 : 0;
	struct file *files = calloc(n + 1, sizeof(*files));

	input = malloc(LARGEST);
	if (runs < 1 || !files || !input) {
		fprintf(stderr, "usage: %s RUNS SEED FILE...\n", argv[0]);
		return 2;
	}
	seed = strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252u;
	for (size_t i = 0; i < n; i++)
		files[i] = read_file(argv[i + 3]);
	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(tell);
		signal(SIGABRT, on_signal);
	} else {
		signal(SIGSEGV, on_signal);
		signal(SIGBUS, on_signal);
		signal(SIGABRT, on_signal);
	}
	for (long i = 0; i < runs; i++) {
		const struct file *file = &files[chance((uint32_t)n)];

		memcpy(input, file->data, file->size);
		input_size = file->size;
		for (uint32_t changes = chance(MOST_CHANGES); changes > 0; changes--)
			change(&files[chance((uint32_t)n)]);
		LLVMFuzzerTestOneInput(input, input_size);
	}
	for (size_t i = 0; i < n; i++)
		free(files[i].data);
	free(files);
	free(input);
	printf("%ld runs\n", runs);
	return 0;
}
