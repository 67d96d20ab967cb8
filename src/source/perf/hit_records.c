// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/perf/hit_records.h"

#include <linux/perf_event.h>
#include <string.h>
#include <time.h>

/*
 * The registers in the order of their numbers (asm/perf_regs.h), which is that of the record. Another architecture has
 * no sites (code_sites_can()).
 */
enum hit_register {
	REGISTER_AX,
	REGISTER_DX,
	REGISTER_SI,
	REGISTER_DI,
	REGISTER_SP,
	REGISTER_IP,
	REGISTER_R10,
	REGISTER_NUM
};

#if defined(__x86_64__)
#include <asm/perf_regs.h>
#define REGISTERS                                                                                           \
	(UINT64_C(1) << PERF_REG_X86_AX | UINT64_C(1) << PERF_REG_X86_DX | UINT64_C(1) << PERF_REG_X86_SI | \
	 UINT64_C(1) << PERF_REG_X86_DI | UINT64_C(1) << PERF_REG_X86_SP | UINT64_C(1) << PERF_REG_X86_IP | \
	 UINT64_C(1) << PERF_REG_X86_R10)
#else
#define REGISTERS 0
#endif

/* The name of a process, NUL-padded to a multiple of 8. */
#define COMM_SHORTEST 8
#define COMM_LONGEST 15

void hit_records_ask(struct perf_event_attr *attr, bool has_stack)
{
	attr->sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_REGS_USER;
	attr->sample_regs_user = REGISTERS;
	if (has_stack) {
		attr->sample_type |= PERF_SAMPLE_STACK_USER;
		attr->sample_stack_user = HIT_STACK;
	}
	attr->sample_id_all = 1;
	attr->use_clockid = 1;
	attr->clockid = CLOCK_MONOTONIC;
}

static bool take_u32(struct span *span, int32_t *value)
{
	return span_take_bytes(span, value, sizeof(*value));
}

static bool take_u64(struct span *span, uint64_t *value)
{
	return span_take_bytes(span, value, sizeof(*value));
}

static bool read_registers(struct span *record, struct hit *hit)
{
	uint64_t abi, registers[REGISTER_NUM];

	if (!take_u64(record, &abi) || abi != PERF_SAMPLE_REGS_ABI_64 ||
	    !span_take_bytes(record, registers, sizeof(registers)))
		return false;
	hit->address = registers[REGISTER_IP];
	hit->stack = registers[REGISTER_SP];
	/* These calls return an int. */
	hit->result = (int32_t)registers[REGISTER_AX];
	hit->arguments[0] = registers[REGISTER_DI];
	hit->arguments[1] = registers[REGISTER_SI];
	hit->arguments[2] = registers[REGISTER_DX];
	hit->arguments[3] = registers[REGISTER_R10];
	return true;
}

/* If the stack was asked for: the kernel writes the size, then the bytes, then how many of them are valid. */
static bool read_stack(struct span *record, struct hit *hit)
{
	struct span bytes;
	uint64_t size, valid;

	if (!take_u64(record, &size) || size == 0)
		return true;
	if (!span_take(record, size, &bytes) || !take_u64(record, &valid) || valid > size)
		return false;
	hit->length = valid < sizeof(hit->bytes) ? valid : sizeof(hit->bytes);
	memcpy(hit->bytes, bytes.data, hit->length);
	return true;
}

static bool read_call(struct span *record, struct hit *hit)
{
	hit->type = HIT_CALL;
	return take_u32(record, &hit->pid) && take_u32(record, &hit->tid) && take_u64(record, &hit->time) &&
	       read_registers(record, hit) && read_stack(record, hit);
}

/* PERF_RECORD_FORK: the time is in the record itself. */
static bool read_fork(struct span *record, struct hit *hit)
{
	int32_t parent_tid;

	hit->type = HIT_FORK;
	return take_u32(record, &hit->pid) && take_u32(record, &hit->parent) && take_u32(record, &hit->tid) &&
	       take_u32(record, &parent_tid) && take_u64(record, &hit->time);
}

/* The time is the last of PERF_SAMPLE_TID and PERF_SAMPLE_TIME at the end. */
static bool read_exec(struct span *record, struct hit *hit)
{
	hit->type = HIT_EXEC;
	if (!take_u32(record, &hit->pid) || !take_u32(record, &hit->tid) || record->length < COMM_SHORTEST + 16)
		return false;
	hit->length = strnlen((const char *)record->data, COMM_LONGEST);
	memcpy(hit->bytes, record->data, hit->length);
	return span_skip(record, record->length - sizeof(hit->time)) && take_u64(record, &hit->time);
}

static bool read_map(struct span *record, struct hit *hit)
{
	hit->type = HIT_MAP;
	return take_u32(record, &hit->pid) && take_u32(record, &hit->tid);
}

static bool read_lost(struct span *record, struct hit *hit)
{
	hit->type = HIT_LOST;
	return span_skip(record, sizeof(uint64_t)) && take_u64(record, &hit->lost);
}

bool hit_records_read(struct span record, struct hit *hit)
{
	struct perf_event_header header;

	memset(hit, 0, offsetof(struct hit, bytes));
	hit->length = 0;
	if (!span_take_bytes(&record, &header, sizeof(header)))
		return false;
	switch (header.type) {
	case PERF_RECORD_SAMPLE:
		return read_call(&record, hit);
	case PERF_RECORD_FORK:
		return read_fork(&record, hit);
	case PERF_RECORD_COMM:
		return !(header.misc & PERF_RECORD_MISC_COMM_EXEC) || read_exec(&record, hit);
	case PERF_RECORD_MMAP:
		return read_map(&record, hit);
	case PERF_RECORD_LOST:
		return read_lost(&record, hit);
	default:
		return true;
	}
}

const void *hit_records_memory(const struct hit *hit, uint64_t pointer, size_t length)
{
	uint64_t at = pointer - hit->stack;

	return pointer >= hit->stack && at <= hit->length && hit->length - at >= length ? hit->bytes + at : NULL;
}
