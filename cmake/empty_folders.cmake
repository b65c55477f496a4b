# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
# cmake -DFOLDERS="a;b" -P empty_folders.cmake: makes each folder new and empty.
foreach(folder IN LISTS FOLDERS)
    file(REMOVE_RECURSE "${folder}")
    file(MAKE_DIRECTORY "${folder}")
endforeach()
