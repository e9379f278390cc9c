// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "embedded.hpp"

#include <cstdint>
#include "embedded_model.inc"

namespace cv { namespace semcorr {

EmbeddedFile embeddedModel()
{
    const EmbeddedFile file = { reinterpret_cast<const uchar*>(embedded_model_words), embedded_model_size };
    return file;
}

}}
