// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#define NUMSTORE_VERSION_MAJOR 0
#define NUMSTORE_VERSION_MINOR 1
#define NUMSTORE_VERSION_PATCH 0
