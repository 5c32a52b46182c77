// Sockets: the message calls, and the few options whose data has a shape of its own.
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/engine.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/iovecs.h"
#include "core/syscalls/walk.h"
#include "core/syscalls/walker.h"

namespace fred {
namespace {

/// `struct user_msghdr` of the kernel.
struct MessageHeader {
  GuestAddr name;
  i32 name_size;
  u32 pad0;
  GuestAddr vecs;
  u64 vec_count;
  GuestAddr control;
  u64 control_size;
  u32 flags;
  u32 pad1;
};
static_assert(sizeof(MessageHeader) == sizeof(struct msghdr));

/// `struct mmsghdr`.
struct CountedMessage {
  MessageHeader header;
  u32 bytes;
  u32 pad;
};
static_assert(sizeof(CountedMessage) == 64);

/// One message that the kernel fills: what it points to is read before the call.
class MessageRoom {
 public:
  bool read(Syscall& call, GuestAddr at) {
    at_ = at;
    if (!call.get(before_, at)) return false;
    vecs_.read(call, before_.vecs, before_.vec_count);
    return true;
  }
  /// The kernel fills it: `header` is what it gets, at `at` or in memory of the engine.
  void receive(Syscall& call, GuestAddr header) const {
    MessageHeader room = before_;
    if (before_.name.value != 0 && before_.name_size > 0)
      room.name = call.buffer(before_.name, static_cast<u64>(before_.name_size));
    if (before_.control.value != 0 && before_.control_size != 0)
      room.control = call.buffer(before_.control, std::min(before_.control_size, max_control));
    room.vecs = vecs_.receive(call, before_.vecs);
    if (header != at_) std::memcpy(header.ptr(), &room, sizeof room);
  }
  /// The header goes first: a worker then knows the sizes of the rest.
  void output(Syscall& call, u64 bytes, GuestAddr header) const {
    if (header != at_) {  // the guest sees its own addresses in it
      auto& filled = *header.ptr<MessageHeader>();
      filled.name = before_.name;
      filled.vecs = before_.vecs;
      filled.control = before_.control;
    }
    call.output(at_, sizeof before_);
    MessageHeader after;
    if (!call.get(after, at_)) return;
    const i32 name = std::min(before_.name_size, after.name_size);
    if (before_.name.value != 0 && name > 0) call.output(before_.name, static_cast<u64>(name));
    const u64 control = std::min({before_.control_size, after.control_size, max_control});
    if (before_.control.value != 0 && control != 0) call.output(before_.control, control);
    vecs_.output(call, bytes);
  }

 private:
  static constexpr u64 max_control = u64{1} << 20;  // the kernel's own limit is far below

  GuestAddr at_;
  MessageHeader before_{};
  IoVecs vecs_;
};

/// True if a message passes one of the engine's descriptors on (SCM_RIGHTS).
bool sends_engine_descriptor(Syscall& call, GuestAddr message) {
  MessageHeader header;
  if (!call.get(header, message) || header.control.value == 0 || header.control_size > 4096) return false;
  u64 at = 0;
  struct {
    u64 size;
    i32 level, type;
  } part;
  while (at + sizeof part <= header.control_size && call.get(part, header.control + at)) {
    if (part.size < sizeof part || part.size > header.control_size - at) return false;
    if (part.level == SOL_SOCKET && part.type == SCM_RIGHTS)
      for (u64 i = sizeof part; i + 4 <= part.size; i += 4) {
        i32 fd;
        if (call.get(fd, header.control + (at + i)) && call.engine().owns_descriptor(fd)) return true;
      }
    at += (part.size + 7) & ~u64{7};
  }
  return false;
}

constexpr u64 max_messages = 1024;  // as the kernel's UIO_MAXIOV

}  // namespace

i64 sys_recvmsg(Syscall& call) {
  MessageRoom room;
  if (!room.read(call, call.addr(1))) return call.execute();
  call.receive(1, sizeof(MessageHeader));
  room.receive(call, GuestAddr{call.passed(1)});
  const i64 result = call.execute();
  if (!is_error(result)) room.output(call, static_cast<u64>(result), GuestAddr{call.passed(1)});
  return result;
}

i64 sys_recvmmsg(Syscall& call) {
  const u64 count = std::min<u64>(static_cast<u32>(call.arg(2)), max_messages);
  std::vector<MessageRoom> rooms;
  rooms.reserve(count);
  call.receive(1, count * sizeof(CountedMessage));
  const auto header = [&](u64 i) { return GuestAddr{call.passed(1)} + i * sizeof(CountedMessage); };
  for (u64 i = 0; i < count; ++i) {
    MessageRoom room;
    const GuestAddr at = call.addr(1) + i * sizeof(CountedMessage);
    if (!room.read(call, at)) break;
    room.receive(call, header(i));
    rooms.push_back(std::move(room));
  }
  if (call.arg(4) != 0) call.receive(4, 16);
  const i64 result = call.execute();
  if (call.arg(4) != 0 && (!is_error(result) || interrupted(result))) call.output(call.addr(4), 16);
  if (is_error(result)) return result;
  for (u64 i = 0; i < std::min<u64>(static_cast<u64>(result), rooms.size()); ++i) {
    const GuestAddr bytes_at = call.addr(1) + (i * sizeof(CountedMessage) + sizeof(MessageHeader));
    call.output(bytes_at, 4);
    u32 bytes = 0;
    call.get(bytes, bytes_at);
    rooms[i].output(call, bytes, header(i));
  }
  return result;
}

i64 sys_sendmsg(Syscall& call) {
  if (sends_engine_descriptor(call, call.addr(1))) return -EBADF;
  return call.execute();
}

i64 sys_sendmmsg(Syscall& call) {
  const u64 count = std::min<u64>(static_cast<u32>(call.arg(2)), max_messages);
  for (u64 i = 0; i < count; ++i) {
    const GuestAddr at = call.addr(1) + i * sizeof(CountedMessage);
    if (sends_engine_descriptor(call, at)) return -EBADF;
  }
  call.receive(1, count * sizeof(CountedMessage));
  const i64 result = call.execute();
  for (i64 i = 0; i < result; ++i)
    call.output(call.addr(1) + (static_cast<u64>(i) * sizeof(CountedMessage) + sizeof(MessageHeader)), 4);
  return result;
}

i64 sys_socket(Syscall& call) {
  // The rings of an AF_XDP socket are memory that the kernel writes at any time.
  if (static_cast<i32>(call.arg(0)) == AF_XDP) return -EAFNOSUPPORT;
  return call.execute();
}

i64 sys_setsockopt(Syscall& call) {
  constexpr i32 packet_level = 263, packet_rx_ring = 5, packet_tx_ring = 13;
  const i32 level = static_cast<i32>(call.arg(1)), option = static_cast<i32>(call.arg(2));
  // Rings, again.
  if (level == packet_level && (option == packet_rx_ring || option == packet_tx_ring)) return -ENOPROTOOPT;
  return call.execute();
}

i64 sys_getsockopt(Syscall& call) {
  const i32 level = static_cast<i32>(call.arg(1)), option = static_cast<i32>(call.arg(2));
  // Moves pages of the socket into the guest's mappings.
  if (level == IPPROTO_TCP && option == TCP_ZEROCOPY_RECEIVE) return -ENOPROTOOPT;
  if (level != SOL_SOCKET || option != SO_GET_FILTER) return walk_row(call);
  // Here the length word counts instructions.
  u32 room = 0;
  call.get(room, call.addr(4));
  const u64 bytes = bounded_size(room, sizeof(struct sock_filter));
  call.will_write(call.addr(4), 4);
  if (call.arg(3) != 0) call.will_write(call.addr(3), bytes);
  const i64 result = call.execute();
  if (is_error(result)) return result;
  call.output(call.addr(4), 4);
  u32 used = 0;
  call.get(used, call.addr(4));
  if (call.arg(3) != 0 && used != 0)
    call.output(call.addr(3), std::min(bytes, bounded_size(used, sizeof(struct sock_filter))));
  return result;
}

}  // namespace fred
