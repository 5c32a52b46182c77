// Code takes the ground from under itself: the system call that unmaps its page, or forbids its
// execution, returns to nothing.
#include "code/jit.h"
#include "fault/probe.h"

// mov %rdi…: the registers hold the call's arguments; after the call comes inc %ecx.
static const u8 call_then_more[] = {0x0f, 0x05, 0xff, 0xc1, 0x0f, 0x0b};  // syscall; inc %ecx; ud2

int main(void) {
  probe_setup();
  Registers in = probe_pattern();
  for (int i = 0; i < 20; i++) {
    u8* page = map_pages(3, RWX) + 4096;
    memcpy(page + 100, call_then_more, sizeof call_then_more);
    in.rax = SYS_munmap, in.rdi = (u64)page, in.rsi = 4096;
    probe(page + 100, &in);
    probe_expect("unmapped", SIGSEGV, SEGV_MAPERR, (u64)page + 102, (u64)page + 102);
    CHECK_EQ(probe_caught.registers.rax, 0);
    CHECK(mmap(page, 4096, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
    memcpy(page + 100, call_then_more, sizeof call_then_more);
    in.rax = SYS_mprotect, in.rdx = PROT_READ;
    probe(page + 100, &in);
    probe_expect("forbidden", SIGSEGV, SEGV_ACCERR, (u64)page + 102, (u64)page + 102);
    MUST(mprotect(page, 4096, RWX));
    // The call is the last thing on its page.
    memcpy(page + 4094, call_then_more, 2);
    MUST(mprotect(page + 4096, 4096, PROT_NONE));
    in.rax = SYS_getpid;
    probe(page + 4094, &in);
    probe_expect("behind", SIGSEGV, SEGV_ACCERR, (u64)page + 4096, (u64)page + 4096);
    CHECK_EQ(probe_caught.registers.rax, getpid());
    // The call maps other code over the one that made it.
    const int fd = MUST(memfd_create("code", 0));
    u8 file[4096];
    memset(file, 0x90, sizeof file);
    file[102] = 0xff, file[103] = 0xc2, file[104] = 0x0f, file[105] = 0x0b;  // inc %edx; ud2
    CHECK_EQ(write(fd, file, sizeof file), sizeof file);
    Registers map = in;
    map.rax = SYS_mmap, map.rdi = (u64)page, map.rsi = 4096, map.rdx = PROT_READ | PROT_EXEC;
    map.r10 = MAP_PRIVATE | MAP_FIXED, map.r8 = (u64)fd, map.r9 = 0;
    probe(page + 100, &map);
    CHECK_EQ(probe_caught.signal, SIGILL);
    CHECK_EQ(probe_caught.rip, (u64)page + 104);
    CHECK_EQ(probe_caught.registers.rdx, map.rdx + 1);
    close(fd);
  }
  return done();
}
