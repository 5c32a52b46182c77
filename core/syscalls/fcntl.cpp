// fcntl: one row per command.
#include <linux/fcntl.h>

#include <fmt/format.h>
#include <cerrno>

#include "core/engine.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"

namespace fred {
namespace {

struct Command {
  i32 number;
  u32 out;  // bytes that the kernel writes at argument 2
};

constexpr i32 dup_fd_query = 1027, created_query = 1028;         // F_DUPFD_QUERY, F_CREATED_QUERY
constexpr i32 get_rw_hint = 1035, set_rw_hint = 1036;            // F_GET_RW_HINT, F_SET_RW_HINT
constexpr i32 get_file_rw_hint = 1037, set_file_rw_hint = 1038;  // F_GET_FILE_RW_HINT, F_SET_FILE_RW_HINT
constexpr i32 get_delegation = 1039, set_delegation = 1040;      // F_GETDELEG, F_SETDELEG
constexpr i32 get_owner_uids = 17;                               // F_GETOWNER_UIDS

constexpr Command commands[] = {
    {F_DUPFD, 0},
    {F_GETFD, 0},
    {F_SETFD, 0},
    {F_GETFL, 0},
    {F_SETFL, 0},
    {F_GETLK, sizeof(struct flock)},
    {F_SETLK, 0},
    {F_SETLKW, 0},
    {F_SETOWN, 0},
    {F_GETOWN, 0},
    {F_SETSIG, 0},
    {F_GETSIG, 0},
    {F_SETOWN_EX, 0},
    {F_GETOWN_EX, sizeof(struct f_owner_ex)},
    {get_owner_uids, 2 * sizeof(u32)},
    {F_OFD_GETLK, sizeof(struct flock)},
    {F_OFD_SETLK, 0},
    {F_OFD_SETLKW, 0},
    {F_SETLEASE, 0},
    {F_GETLEASE, 0},
    {F_NOTIFY, 0},
    {dup_fd_query, 0},
    {created_query, 0},
    {F_CANCELLK, 0},
    {F_DUPFD_CLOEXEC, 0},
    {F_SETPIPE_SZ, 0},
    {F_GETPIPE_SZ, 0},
    {F_ADD_SEALS, 0},
    {F_GET_SEALS, 0},
    {get_rw_hint, sizeof(u64)},
    {set_rw_hint, 0},
    {get_file_rw_hint, sizeof(u64)},
    {set_file_rw_hint, 0},
    {get_delegation, 8},
    {set_delegation, 0},
};

const Command* find_command(i32 number) {
  for (const Command& c : commands)
    if (c.number == number) return &c;
  return nullptr;
}

constexpr u64 notice_key = u64{2} << 32;  // apart from the keys of other tables

}  // namespace

i64 sys_fcntl(Syscall& call) {
  const i32 number = static_cast<i32>(call.arg(1));
  const Command* command = find_command(number);
  if (command == nullptr) {
    call.engine().notice_once(notice_key + static_cast<u32>(number),
                              fmt::format("the program used fcntl command {}, which fred does not know: it was told "
                                          "that the kernel does not have it (EINVAL)",
                                          number));
    return -EINVAL;
  }
  if (number == dup_fd_query && call.engine().owns_descriptor(static_cast<i32>(call.arg(2)))) return -EBADF;
  if (command->out == 0) return call.execute();
  call.will_write(call.addr(2), command->out);
  const i64 result = call.execute();
  if (!is_error(result)) call.output(call.addr(2), command->out);
  return result;
}

}  // namespace fred
