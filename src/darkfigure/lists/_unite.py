"""Kernel of `overlap`: people grow together along the links, unless two records forbid it."""

from darkfigure._kernel import kernel


@kernel
def group_of(group, record):
    """The record that stands for the group, found along ever shorter paths."""
    while group[record] != record:
        group[record] = group[group[record]]
        record = group[record]
    return record


@kernel
def unite(left, right, begin, against, group, size, following, last):
    """Unite the groups of `left[i]` and `right[i]`, in order, where no two records forbid it.

    `against[begin[r]:begin[r + 1]]` are the records that cannot be the same person as r. `group`
    and `last` begin as the numbers of the records, `size` as ones, `following` as -1: each group is
    a chain of its records, so that the smaller one can be gone through.
    """
    for i in range(len(left)):
        large, small = group_of(group, left[i]), group_of(group, right[i])
        if large == small:
            continue
        if size[large] < size[small]:
            large, small = small, large
        allowed = True
        record = small
        while record >= 0 and allowed:
            for k in range(begin[record], begin[record + 1]):
                if group_of(group, against[k]) == large:
                    allowed = False
                    break
            record = following[record]
        if allowed:
            group[small] = large
            size[large] += size[small]
            following[last[large]] = small
            last[large] = last[small]


@kernel
def number(group, person):
    """The groups by numbers from 0, in the order of their first records."""
    person[:] = -1
    found = 0
    for record in range(len(group)):
        whose = group_of(group, record)
        if person[whose] < 0:
            person[whose] = found
            found += 1
        person[record] = person[whose]
