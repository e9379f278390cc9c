// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_EMBEDDED_HPP
#define OPENCV_SEMCORR_EMBEDDED_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// A file of data/ that is compiled in, see cmake/embed.cmake
struct EmbeddedFile
{
    const uchar* data;
    size_t size;  // bytes
};

// data/efficientnet_lite0_block10.onnx
EmbeddedFile embeddedBackbone();

// data/pmnc_lite0.yml.gz, the model file of the default matcher
EmbeddedFile embeddedModel();

}}

#endif
