// A compiler that never has writable and executable memory at once: mprotect to write, mprotect to run;
// and what happens when it forgets one or the other.
#include <setjmp.h>
#include "code/jit.h"

static sigjmp_buf out;
static void* fault_address;
static void handler(int sig, siginfo_t* info, void* context) {
  (void)context;
  fault_address = info->si_addr;
  siglongjmp(out, sig);
}

int main(void) {
  on_signal(SIGSEGV, handler, 0);
  u8* page = map_pages(4, RW);
  for (int i = 0; i < 500; i++) {
    MUST(mprotect(page, 4096, RW));
    put_add(page, i);
    MUST(mprotect(page, 4096, RX));
    CHECK_EQ(call_code(page, 100), 100 + i);
  }
  for (volatile int i = 0; i < 20; i++) {
    int sig = sigsetjmp(out, 1);
    if (sig == 0) *(volatile u8*)(page + 3) = 1;
    CHECK_EQ(sig, SIGSEGV);
    CHECK(fault_address == page + 3);
    CHECK_EQ(call_code(page, 1), 500);
    MUST(mprotect(page, 4096, RW));
    sig = sigsetjmp(out, 1);
    if (sig == 0) call_code(page, 1);
    CHECK_EQ(sig, SIGSEGV);
    CHECK(fault_address == page);
    MUST(mprotect(page, 4096, PROT_EXEC));
    CHECK_EQ(call_code(page, 1), 500);
    MUST(mprotect(page, 4096, RX));
  }
  // A function over two pages, of which only the second loses its permission.
  MUST(mprotect(page, 2 * 4096, RW));
  put_add(page + 4096 - 3, 5);
  MUST(mprotect(page, 2 * 4096, RX));
  CHECK_EQ(call_code(page + 4096 - 3, 1), 6);
  MUST(mprotect(page + 4096, 4096, RW));
  const int sig = sigsetjmp(out, 1);
  if (sig == 0) call_code(page + 4096 - 3, 1);
  CHECK_EQ(sig, SIGSEGV);
  CHECK(fault_address == page + 4096);
  put_add(page + 4096 - 3 + 4096, 0);
  MUST(mprotect(page + 4096, 4096, RX));
  CHECK_EQ(call_code(page + 4096 - 3, 1), 6);
  // Contents thrown away behind the program's back.
  MUST(mprotect(page, 4 * 4096, RWX));
  put_constant(page, 3);
  CHECK_EQ(call_code(page, 0), 3);
  MUST(madvise(page, 4096, MADV_DONTNEED));
  CHECK_EQ(page[0], 0);
  put_constant(page, 4);
  CHECK_EQ(call_code(page, 0), 4);
  return done();
}
