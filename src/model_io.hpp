// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_MODEL_IO_HPP
#define OPENCV_SEMCORR_MODEL_IO_HPP

#include "opencv2/core.hpp"
#include <functional>

namespace cv { namespace semcorr {

// A model file is YAML of FileStorage with a checksum as its last line, plain or compressed by gzip:
//
//   %YAML:1.0
//   ---
//   semcorr_matcher:          the root, Algorithm::getDefaultName() of the class
//      version: 1
//      ...                    what Algorithm::write() gives
//   # sha256: 64 hexadecimal digits, of all bytes before this line

// `body` writes the content of the root. The file is made completely or not at all.
void writeModelFile(const String& filename, const String& root, const std::function<void(FileStorage&)>& body);

// `body` gets the root. Size, checksum and every line are checked before FileStorage parses the text, since its parser does
// not withstand hostile text; errors of `body` are thrown again with the file's name in front.
void readModelFile(const String& filename, const String& root, const std::function<void(const FileNode&)>& body);

// The same for the content of a model file; `title` says in errors what it is.
void readModel(const std::vector<uchar>& bytes, const String& title, const String& root,
               const std::function<void(const FileNode&)>& body);

}}

#endif
