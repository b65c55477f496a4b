# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
# awk -f extract_api.awk api.md api.cpp.in > api.cpp
#
# Builds a program from the C++ lines of the first file, exactly as they are
# written, in the order that the second file, the frame, asks for:
#
#   //@ PREFIX             the next line that begins with PREFIX
#   //@ PREFIX ... PREFIX  all lines from one to the other
#   //@before TEXT :: CODE puts CODE in front of TEXT, in all later lines
#
# Every line of code must be asked for once; else there is no program.

function fail(text) {
    print "api: " text > "/dev/stderr"
    failed = 1
}

function trimmed(text) {
    sub(/^[ \t]+/, "", text)
    sub(/[ \t]+$/, "", text)
    return text
}

function is_code(text) {
    sub(/\/\/.*$/, "", text)
    return trimmed(text) != ""
}

function find(prefix, from,    i) {
    for (i = from; i <= line_count; ++i)
        if (!(i in used) && (i in line) \
            && index(trimmed(line[i]), prefix) == 1)
            return i
    fail("no line begins with: " prefix)
    return 0
}

function put(text, at, what, instead) {
    return substr(text, 1, at - 1) instead substr(text, at + length(what))
}

function emit(i,    text, k, at) {
    text = line[i]
    used[i] = 1
    for (k = 1; k <= edits; ++k) {
        at = index(text, edit_text[k])
        if (!at)
            continue
        text = put(text, at, edit_text[k], edit_code[k])
        ++edit_uses[k]
    }
    print text
}

function quote(directive,    at, first, last, i) {
    at = index(directive, " ... ")
    first = find(trimmed(at ? substr(directive, 1, at) : directive), 1)
    last = first
    if (at && first)
        last = find(trimmed(substr(directive, at + 5)), first + 1)
    if (!first || !last)
        return
    print "#line " first " \"api.md\""
    for (i = first; i <= last; ++i)
        emit(i)
    print "#line " FNR + 1 " \"api.cpp.in\""
}

function add_edit(text, code) {
    ++edits
    edit_text[edits] = text
    edit_code[edits] = code " " text
}

FNR == NR {
    line_count = NR
    if ($0 ~ /^```/)
        inside = $0 ~ /^```cpp/
    else if (inside)
        line[NR] = $0
    next
}

FNR == 1 { print "#line 1 \"api.cpp.in\"" }

/^[ \t]*\/\/@before / {
    text = substr($0, index($0, "//@before ") + 10)
    at = index(text, " :: ")
    add_edit(trimmed(substr(text, 1, at)), trimmed(substr(text, at + 4)))
    print ""
    next
}

/^[ \t]*\/\/@ / {
    quote(trimmed(substr($0, index($0, "//@ ") + 4)))
    next
}

{ print }

END {
    for (i = 1; i <= line_count; ++i)
        if (i in line && !(i in used) && is_code(line[i]))
            fail("line " i " is not run: " line[i])
    for (k = 1; k <= edits; ++k)
        if (!edit_uses[k])
            fail("no line contains: " edit_text[k])
    exit failed
}
