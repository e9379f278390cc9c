// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_FEATURES_IO_HPP
#define OPENCV_SEMCORR_FEATURES_IO_HPP

#include "opencv2/semcorr/features.hpp"

namespace cv { namespace semcorr {

// A backbone in a model file: the embedded one by name, with the bytes that follow it in the net, such as a trained adapter (two
// protobuf messages, one after the other, are one merged message); another ONNX net of at most 8 MB with its bytes; a larger one
// by the bare name of its file, which lies beside the model file. All with their SHA-256 (of the embedded part where there is
// one), size and parameters.
void writeFeatureNet(FileStorage& fs, const String& key, const Ptr<FeatureNet>& net);

// `folder`: of the model file, with a separator at its end, or empty
Ptr<FeatureNet> readFeatureNet(const FileNode& node, const String& name, const String& folder);

}}

#endif
