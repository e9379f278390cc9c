// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_MODEL_NODE_HPP
#define OPENCV_SEMCORR_MODEL_NODE_HPP

#include "opencv2/core.hpp"
#include <initializer_list>

namespace cv { namespace semcorr {

// Texts survive every format of FileStorage: in short pieces, each with '|' in front (so that "true" or "12" is a text, too)
// and with %XX for control characters, quotes, backslash and '%'. A text has at most 1 MiB and 65536 pieces, which end after a
// line or 100 bytes.
void checkText(const String& text);  // throws for a text that is longer or not UTF-8, as writeText does
void writeText(FileStorage& fs, const String& key, const String& text);
void writeTexts(FileStorage& fs, const String& key, const std::vector<String>& texts);
void writeReals(FileStorage& fs, const String& key, const Scalar& values);
void writeArrays(FileStorage& fs, const String& key, const std::vector<Mat>& arrays);
void writeVersion(FileStorage& fs);

// Throws for a model that a newer module wrote.
void checkVersion(const FileNode& node, const String& name);

// A map of a model file. FileStorage gives some value for any node; these throw, naming the node, unless it is what was
// asked for, and arrays are allocated only when as many values are there as their sizes say.
class ModelNode
{
public:
    // `node` must be a map with all these keys, each once, and no others; `name` is its path for error texts
    ModelNode(const FileNode& node, const String& name, std::initializer_list<const char*> keys);

    FileNode operator[](const char* key) const { return node[key]; }
    String nameOf(const char* key) const { return name + "." + key; }

    int getInt(const char* key) const;
    int64 getInt64(const char* key) const;
    bool getFlag(const char* key) const;
    double getReal(const char* key) const;  // finite
    Scalar getScalar(const char* key) const;
    String getText(const char* key) const;
    std::vector<String> getTexts(const char* key) const;
    std::vector<FileNode> getList(const char* key, size_t most) const;
    // depth CV_32F or CV_32S, each array of `dims` dimensions
    std::vector<Mat> getArrays(const char* key, int depth, int dims) const;

private:
    FileNode node;
    String name;
};

}}

#endif
