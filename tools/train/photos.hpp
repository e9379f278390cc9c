// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_PHOTOS_HPP
#define SEMCORR_TRAIN_PHOTOS_HPP

#include <string>
#include <vector>

#include "opencv2/core.hpp"
#include "tar.hpp"

namespace train {

// The pictures (jpg, jpeg, png, bmp, webp) in a folder and the folders in it, or in an uncompressed .tar file, in alphabetical
// order
class Photos
{
public:
    // most: take the first so many; 0: all. Throws where there are none.
    Photos(const std::string& path, int most);

    size_t size() const { return files.size(); }
    std::string name(size_t i) const;
    std::vector<uchar> bytes(size_t i) const;  // of the picture's file; throws naming it

private:
    void listFolder();
    void listArchive();

    std::string path;
    bool isArchive;
    std::vector<TarFile> files;  // of a folder: its path, 0 and -1
};

// The picture in a file's bytes, CV_8UC3; throws naming the file
cv::Mat decodePicture(const std::vector<uchar>& bytes, const std::string& name);

}

#endif
