"""Compiled kernels behind `protect`: fill Bloom filters, and find all that are near each other."""

import numpy as np

from darkfigure._kernel import kernel


@kernel
def mark_pairs(left_at, left, right_at, right, seen):
    """Set `seen[x, z]`, x <= z, for every part x left of a record and z right of it.

    The parts of record r are `left[left_at[r]:left_at[r + 1]]`, and the same on the right.
    """
    for r in range(left_at.size - 1):
        for i in range(left_at[r], left_at[r + 1]):
            for j in range(right_at[r], right_at[r + 1]):
                seen[min(left[i], right[j]), max(left[i], right[j])] = True


@kernel
def fill(begin, end, left_at, left, right_at, right, token, positions, hashes, filters):
    """Set the bits of records `begin` to `end`: of each pair of parts, the first `hashes[r]`.

    `token[x, z]`, x <= z, is the row of `positions` that belongs to a pair; `filters` has one row
    of 64-bit words for each record.
    """
    one = np.uint64(1)
    for r in range(begin, end):
        for i in range(left_at[r], left_at[r + 1]):
            for j in range(right_at[r], right_at[r + 1]):
                t = token[min(left[i], right[j]), max(left[i], right[j])]
                for h in range(hashes[r]):
                    bit = positions[t, h]
                    filters[r, bit >> 6] |= one << np.uint64(bit & 63)


@kernel
def bits_set(word):
    """How many bits of a 64-bit word are set.

    Summed in pairs, fours, bytes (Warren 2013, Hacker's Delight, section 5-1), which the compiler
    knows and makes one instruction of.
    """
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    fours = np.uint64(0x3333333333333333)
    word = (word & fours) + ((word >> np.uint64(2)) & fours)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel
def sizes_of(filters, sizes):
    """How many bits of each filter are set."""
    for r in range(filters.shape[0]):
        sizes[r] = 0
        for w in range(filters.shape[1]):
            sizes[r] += bits_set(filters[r, w])


@kernel
def near_pairs(filters, sizes, begin, end, least, left, right):
    """Pairs r < s, r from `begin` to `end`, whose Dice coefficient is `least` or more.

    Returns how many there are; as many as fit are written to `left` and `right`.
    """
    found = 0
    for r in range(begin, end):
        for s in range(r + 1, filters.shape[0]):
            common = 0
            for w in range(filters.shape[1]):
                common += bits_set(filters[r, w] & filters[s, w])
            if 2 * common >= least * (sizes[r] + sizes[s]):
                if found < left.size:
                    left[found] = r
                    right[found] = s
                found += 1
    return found
