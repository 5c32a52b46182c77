// sigaltstack: where the handler runs, what sigaltstack says meanwhile, SS_AUTODISARM, refusals, and a
// handler without SA_ONSTACK.
#include <ucontext.h>
#include "common.h"

static u8* stack_memory;
static int on_stack, flags_inside, error_inside;
static int context_flags;
static const u8* context_stack;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info;
  const ucontext_t* c = context;
  volatile u8 here;
  on_stack = &here >= stack_memory && &here < stack_memory + 65536;
  stack_t now;
  MUST(sigaltstack(NULL, &now));
  flags_inside = now.ss_flags;
  context_flags = c->uc_stack.ss_flags;
  context_stack = c->uc_stack.ss_sp;
  const stack_t other = {.ss_flags = SS_DISABLE};
  error_inside = now.ss_flags == SS_ONSTACK && sigaltstack(&other, NULL) != 0 ? errno : 0;
  CHECK(((uintptr_t)context & 7) == 0);
}

int main(void) {
  stack_memory = map_pages(16, PROT_READ | PROT_WRITE);
  stack_t old, stack = {.ss_sp = stack_memory, .ss_size = 65536};
  MUST(sigaltstack(NULL, &old));
  CHECK_EQ(old.ss_flags, SS_DISABLE);
  on_signal(SIGUSR1, handler, SA_ONSTACK);
  raise(SIGUSR1);
  CHECK_EQ(on_stack, 0);
  MUST(sigaltstack(&stack, NULL));
  raise(SIGUSR1);
  CHECK_EQ(on_stack, 1);
  CHECK_EQ(flags_inside, SS_ONSTACK);
  CHECK_EQ(error_inside, EPERM);
  CHECK_EQ(context_flags, 0);
  CHECK(context_stack == stack_memory);
  MUST(sigaltstack(NULL, &old));
  CHECK_EQ(old.ss_flags, 0);
  CHECK_EQ(old.ss_size, 65536);
  on_signal(SIGUSR1, handler, 0);
  raise(SIGUSR1);
  CHECK_EQ(on_stack, 0);

  on_signal(SIGUSR1, handler, SA_ONSTACK);
  stack.ss_flags = (int)(1U << 31);  // SS_AUTODISARM
  MUST(sigaltstack(&stack, NULL));
  raise(SIGUSR1);
  CHECK_EQ(on_stack, 1);
  CHECK_EQ(flags_inside, SS_DISABLE);
  CHECK_EQ(error_inside, 0);
  MUST(sigaltstack(NULL, &old));
  CHECK_EQ(old.ss_flags, (int)(1U << 31));

  stack.ss_flags = 0, stack.ss_size = 100;
  CHECK_ERR(sigaltstack(&stack, NULL), ENOMEM);
  stack.ss_flags = 77;
  CHECK_ERR(sigaltstack(&stack, NULL), EINVAL);
  stack.ss_flags = SS_DISABLE;
  MUST(sigaltstack(&stack, NULL));
  raise(SIGUSR1);
  CHECK_EQ(on_stack, 0);
  return done();
}
