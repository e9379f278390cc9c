// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_PAIRS_HPP
#define OPENCV_SEMCORR_PAIRS_HPP

#include "opencv2/semcorr/evaluation.hpp"
#include <functional>
#include <map>
#include <set>

namespace cv { namespace semcorr {

// What the readers of all data sets share: the root folder, the pairs read so far, and what to do about problems.
class PairSource
{
public:
    // problems: where to note them all (checkDataset); NULL: the first one is thrown (readPairs)
    PairSource(const String& root, std::vector<String>* problems);

    String path(const String& relative) const;
    // The first of these paths relative to root that exists. When none does, the first, and find throws.
    String find(const std::vector<String>& candidates) const;
    String firstOf(const std::vector<String>& candidates) const;

    // Adds the pair that `read` fills in from one line of a list, or reports what it throws. The sizes of the pictures are
    // read then, and what is to be mirrored (flip1, flip2) is. Unless there is a flow, annotated pairs need a keypoint.
    void add(const String& place, const std::function<void(ImagePair&)>& read, bool annotated = true);
    // Reports what `step` throws; whether it threw nothing
    bool attempt(const String& place, const std::function<void()>& step);
    // Makes ids differ; reports a list without pairs.
    std::vector<ImagePair> finish(const String& split);

private:
    void report(const String& place, const Exception& problem);
    // Throws for a missing or damaged picture and for a size that is not the annotated one.
    void readSize(const String& image, Size& size);

    const String root;
    std::vector<String>* const problems;
    std::set<String> missing;  // reported already
    std::map<String, Size> sizes;
    std::vector<ImagePair> pairs;
};

// One reader for each data set; split as in readPairs. They throw for what makes the whole list unreadable.
void readCsvPairs(PairSource& source, const String& split);
void readImagePairs(PairSource& source, const String& split);
void readPFPascalPairs(PairSource& source, const String& split);
void readPFWillowPairs(PairSource& source, const String& split);
void readSPairPairs(PairSource& source, const String& split);
void readTSSPairs(PairSource& source, const String& split);

// "train" for "trn", too; throws for a split that is not one of those allowed ("train", "val", "test")
String checkSplit(const String& split, const std::vector<String>& allowed);
// Name of a file without folder, and of the last folder of its path ("" for none)
String fileName(const String& path);
String folderName(const String& path);
// xmin, ymin, xmax, ymax
Rect2d boxOf(const Vec4d& corners);
// "image1:image2", without the common root
String pairId(const String& name1, const String& name2);
// Appends a keypoint unless it is invisible in one of the pictures (both coordinates not a number). Throws for what is no
// position.
void addKeypoint(ImagePair& pair, const Point2f& p1, const Point2f& p2);

}}

#endif
