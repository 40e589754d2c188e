// Memory, counted before it is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gridrun {

/// Bytes that this process may still plan for: what the machine can give without swapping, or less
/// where a control group or the limit of its address space (ulimit -v) leaves less, and less a
/// small reserve for what is not counted.
std::uint64_t available_memory();

/// Throws RequestError, "what: so many MiB or GiB needed, so many available", when `bytes` more are
/// more than that.
void require_memory(double bytes, const std::string& what);

/// Where the address space is limited, keeps threads from taking what was counted for others: each
/// would reserve 8 MiB for its stack and 64 MiB for a heap of its own, and hardly touch them. To be
/// called before there are threads.
void spare_address_space();

/// Asks for huge pages where [begin, begin + size) is not yet touched: a first touch costs a page
/// fault, which takes longer than to fill the page. It is a hint; nothing depends on it.
void advise_huge_pages(void* begin, std::size_t size);

}  // namespace gridrun
