// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_FILE_IO_HPP
#define OPENCV_SEMCORR_FILE_IO_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// Folder of a path with its last separator; empty for a bare name
String folderOf(const String& path);

// Content of a regular file of at most `limit` bytes; a folder, a device or a larger file is refused before it is read.
std::vector<uchar> loadBytes(const String& filename, size_t limit);

// Makes or replaces a file completely or not at all: when this throws, an old file is as it was, and nothing is left behind.
void saveBytes(const String& filename, const String& content);

}}

#endif
