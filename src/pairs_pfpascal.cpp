// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "pairs.hpp"
#include "pairs_text.hpp"
#include "mat_file.hpp"
#include "utf8.hpp"

#include "opencv2/core/utils/filesystem.hpp"

namespace cv { namespace semcorr {

static const char* const CLASSES[] = { "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
                                       "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
                                       "train", "tvmonitor" };

static String className(const String& number)
{
    const int classes = sizeof(CLASSES) / sizeof(CLASSES[0]), i = parseInt(number);
    if (i < 1 || i > classes)
        CV_Error(Error::StsOutOfRange, format("class is %d, expected a number in [1, %d]", i, classes));
    return CLASSES[i - 1];
}

// Keypoints and box of a picture, 1-based as in the file
struct PascalAnnotation
{
    Mat keypoints;  // N×1 CV_64FC2, not a number where invisible
    Mat box;        // 1×4 CV_64F: xmin, ymin, xmax, ymax; empty: none
};

// Annotations of all pictures, each read once
class PascalAnnotations
{
public:
    explicit PascalAnnotations(const PairSource& source_) : source(source_) {}

    // name: of the picture in a list, whose folder has a neighbour Annotations/
    const PascalAnnotation& of(const String& name, const String& category)
    {
        const String file = fileOf(name, category);
        const std::map<String, PascalAnnotation>::const_iterator known = annotations.find(file);
        return known != annotations.end() ? known->second : annotations[file] = read(file);
    }

    bool has(const String& name, const String& category) const { return utils::fs::exists(fileOf(name, category)); }

private:
    String fileOf(const String& name, const String& category) const
    {
        const String base = fileName(name), relative = "Annotations/" + category + "/" + base.substr(0, base.rfind('.')) + ".mat";
        return source.firstOf({ "PF-dataset-PASCAL/" + relative, relative });
    }

    static PascalAnnotation read(const String& file)
    {
        if (!utils::fs::exists(file))
            CV_Error(Error::StsObjectNotFound, format("annotation \"%s\" is missing", printable(file).c_str()));
        std::map<String, Mat> variables = readMatFile(file, { "kps", "bbox" });
        const Mat keypoints = variables["kps"], boxes = variables["bbox"];
        if (keypoints.cols != 2)
            CV_Error(Error::StsParseError, format("\"%s\": variable kps is %d x %d, expected N x 2", printable(file).c_str(),
                                                  keypoints.rows, keypoints.cols));
        if (!boxes.empty() && boxes.cols != 4)
            CV_Error(Error::StsParseError, format("\"%s\": variable bbox is %d x %d, expected 1 x 4", printable(file).c_str(),
                                                  boxes.rows, boxes.cols));
        const PascalAnnotation annotation = { keypoints.reshape(2), boxes.empty() ? Mat() : boxes.row(0) };
        return annotation;
    }

    const PairSource& source;
    std::map<String, PascalAnnotation> annotations;
};

static Rect2d boxOf(const PascalAnnotation& annotation)
{
    if (annotation.box.empty())
        return Rect2d();
    const double* b = annotation.box.ptr<double>();
    return boxOf(Vec4d(b[0] - 1, b[1] - 1, b[2] - 1, b[3] - 1));
}

static void readAnnotated(ImagePair& pair, const PascalAnnotation& a1, const PascalAnnotation& a2)
{
    if (a1.keypoints.rows != a2.keypoints.rows)
        CV_Error(Error::StsUnmatchedSizes, format("the annotations of the pictures have %d and %d keypoints, expected as many",
                                                  a1.keypoints.rows, a2.keypoints.rows));
    for (int i = 0; i < a1.keypoints.rows; i++)
        addKeypoint(pair, a1.keypoints.at<Point2d>(i) - Point2d(1, 1), a2.keypoints.at<Point2d>(i) - Point2d(1, 1));
}

// Cells like "12.5;30;7", one number for each keypoint
static void readListed(ImagePair& pair, const std::vector<String>& cells, const Vec4i& columns)
{
    std::vector<String> values[4];
    for (int k = 0; k < 4; k++)
    {
        values[k] = splitCells(cells[columns[k]], ';');
        if (values[k].size() != values[0].size())
            CV_Error(Error::StsUnmatchedSizes, format("the lists of coordinates have %d and %d values, expected as many",
                                                      (int)values[0].size(), (int)values[k].size()));
    }
    for (size_t i = 0; i < values[0].size(); i++)
        addKeypoint(pair, Point2f(parseCoordinate(values[0][i]) - 1, parseCoordinate(values[1][i]) - 1),
                    Point2f(parseCoordinate(values[2][i]) - 1, parseCoordinate(values[3][i]) - 1));
}

static std::vector<String> listNames(const String& split)
{
    std::vector<String> names = { split + "_pairs.csv", "image_pairs/" + split + "_pairs.csv" };
    if (split == "train")
        names.insert(names.end(), { "trn_pairs.csv", "image_pairs/trn_pairs.csv" });
    return names;
}

// The two pictures of a pair without their folders, in alphabetical order
typedef std::pair<String, String> Pictures;

static Pictures picturesOf(const std::vector<String>& cells)
{
    const Pictures names(fileName(cells[0]), fileName(cells[1]));
    return names.first < names.second ? names : std::make_pair(names.second, names.first);
}

// The pairs of the training list; none if there is no such list
static std::set<Pictures> trainingPairs(const PairSource& source)
{
    std::set<Pictures> pairs;
    const String file = source.firstOf(listNames("train"));
    if (!utils::fs::exists(file))
        return pairs;
    const CsvTable table(file);
    if (table.columnCount() < 2)
        CV_Error(Error::StsParseError, format("\"%s\" has one column, expected the names of two pictures",
                                              printable(file).c_str()));
    for (const TextLine& row : table.rows())
        pairs.insert(picturesOf(table.cells(row)));
    return pairs;
}

void readPFPascalPairs(PairSource& source, const String& split)
{
    const String part = checkSplit(split, { "train", "val", "test" });
    const CsvTable table(source.find(listNames(part)));
    const int category = table.column("class"), flip = table.findColumn("flip");
    const bool listed = table.findColumn("XA") >= 0;
    const Vec4i columns = listed ? Vec4i(table.column("XA"), table.column("YA"), table.column("XB"), table.column("YB")) : Vec4i();
    const int image1 = table.column("source_image"), image2 = table.column("target_image");
    const std::set<Pictures> training = part == "train" ? std::set<Pictures>() : trainingPairs(source);
    const auto picture = [&](const String& name) {
        const String inFolder = "JPEGImages/" + fileName(name);
        return source.firstOf({ name, inFolder, "PF-dataset-PASCAL/" + inFolder });
    };
    PascalAnnotations annotations(source);
    for (const TextLine& row : table.rows())
        source.add(row.place, [&](ImagePair& pair) {
            const std::vector<String> cells = table.cells(row);
            const String name1 = cells[image1], name2 = cells[image2];
            pair.id = pairId(fileName(name1), fileName(name2));
            pair.category = className(cells[category]);
            pair.flip1 = pair.flip2 = flip >= 0 && parseInt(cells[flip]) != 0;
            if (!training.empty())
                pair.leaked = (int)training.count(picturesOf(cells));
            pair.image1 = picture(name1);
            pair.image2 = picture(name2);
            if (listed)
                readListed(pair, cells, columns);
            else
                readAnnotated(pair, annotations.of(name1, pair.category), annotations.of(name2, pair.category));
            if (annotations.has(name1, pair.category) && annotations.has(name2, pair.category))
            {
                pair.box1 = boxOf(annotations.of(name1, pair.category));
                pair.box2 = boxOf(annotations.of(name2, pair.category));
            }
        });
}

}}
