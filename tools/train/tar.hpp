// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_TAR_HPP
#define SEMCORR_TRAIN_TAR_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace train {

// A regular file in an archive
struct TarFile
{
    std::string name;
    int64_t offset, size;  // of the content, bytes
};

// Those of an uncompressed archive in POSIX's formats ustar and pax or in GNU's, without links. Throws where it is damaged or was cut
// short, other than behind a file: not all programs write an end mark.
std::vector<TarFile> listTar(const std::string& path);

}

#endif
