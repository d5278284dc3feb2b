"""Writes golden.json: synthetic inputs and expected outputs of the tagging functions, in float64, with no model.
Reads classes.tsv beside it and en.json (argument 1). The text encoder is a toy: counts of a-z, unit length."""
import json, math, re, sys, os
HERE=os.path.dirname(os.path.abspath(__file__))
rows=[l.rstrip('\n').split('\t') for l in open(sys.argv[2] if len(sys.argv)>2 else HERE+"/../classes.tsv")][1:]
d=json.load(open(sys.argv[1])); order={}; C={}
for v in d['verticals']:
    for c in v['categories']: C[c['id']]=c; order[c['id']]=len(order)
def anc(i):
    r=[]
    while i: r.append(i); i=C[i]['parent_id']
    return r[::-1]
CAL=[(1.97,2.71),(2.11,1.79),(0.68,-0.22)]; TAU=.70; TH=.3; PW=2; LAM=.9
NAMES='black grey silver white beige brown red orange yellow gold green teal turquoise blue navy purple pink'.split()
WORDS={'black':'black','white':'white','grey':'grey','gray':'grey','silver':'silver','beige':'beige','cream':'beige','ivory':'beige','tan':'brown','camel':'brown','brown':'brown','red':'red','orange':'orange','coral':'orange','yellow':'yellow','gold':'gold','golden':'gold','green':'green','khaki':'green','olive':'green','teal':'teal','turquoise':'turquoise','aqua':'turquoise','blue':'blue','navy':'navy','purple':'purple','violet':'purple','lilac':'purple','pink':'pink','burgundy':'red','maroon':'red'}
NEAR={'silver':{'grey':.8,'white':.4},'grey':{'silver':1,'black':.2},'navy':{'blue':.5,'black':.3},'blue':{'navy':.7,'teal':.5,'turquoise':.4},'gold':{'yellow':.7,'beige':.5,'brown':.3},'yellow':{'gold':.7,'beige':.1},'turquoise':{'teal':.8,'blue':.3,'green':.3},'teal':{'turquoise':.7,'blue':.4,'green':.3},'green':{'turquoise':.2,'teal':.2},'beige':{'brown':.3,'white':.2,'gold':.4},'brown':{'beige':.3,'gold':.3,'orange':.2},'pink':{'red':.3,'purple':.2},'red':{'pink':.3,'orange':.3},'orange':{'red':.2,'yellow':.2,'pink':.2},'purple':{'pink':.2,'navy':.1},'black':{'navy':.3,'grey':.2},'white':{'grey':.2,'beige':.1}}
def category(p):
    M={}
    for c,r in enumerate(rows):
        if r[3]:
            for a in anc(r[3]): M[a]=M.get(a,0)+p[c]
    ch={}
    for n in sorted(M,key=order.get): ch.setdefault(C[n]['parent_id'],[]).append(n)
    par=None;best=None;P=.99
    while par in ch:
        n=max(ch[par],key=lambda n:(M[n],-order[n])); m=M[n]
        if m<=0: break
        a,b=CAL[min(len(anc(n)),3)-1]; q=min(max(m,1e-4),1-1e-4); P=min(P,1/(1+math.exp(-(a*math.log(q/(1-q))+b))))
        if P<TAU: break
        best={'id':n,'score':round(P,6),'path':[C[a]['name'] for a in anc(n)]}; par=n
    return best
def textvec(p,cols):
    v=[math.sqrt(x/2) for x in p]; s=[0]*len(NAMES)
    for n,x in cols:
        if n in NAMES: s[NAMES.index(n)]+=x
    return v+[math.sqrt(x/2) for x in s]
def toy(t):
    v=[0.]*26
    for ch in t.lower():
        if 'a'<=ch<='z': v[ord(ch)-97]+=1
    n=math.sqrt(sum(x*x for x in v)) or 1; return [x/n for x in v]
PH=[[toy(x) for x in r[2].split('|')] for r in rows]
def query(q):
    w=re.findall(r"[a-z0-9'-]+",q.lower()); cs=[WORDS[x] for x in w if x in WORDS]; rest=[x for x in w if x not in WORDS]
    if len(rest)>1 and rest[-1] in ('in','and','or'): rest.pop()
    v=[0.]*1000
    if rest:
        e=toy(' '.join(rest)); s=[max(sum(a*b for a,b in zip(e,p)) for p in P) for P in PH]
        v=[max(x-TH,0)**PW for x in s]
        if not any(v): v=[max(x,0)**PW for x in s]
        n=math.sqrt(sum(x*x for x in v)) or 1; v=[x/n for x in v]
    cv=[0.]*len(NAMES)
    for c in cs:
        cv[NAMES.index(c)]=1.
        for k,x in NEAR.get(c,{}).items(): cv[NAMES.index(k)]=max(cv[NAMES.index(k)],x)
    v=v+[LAM*x for x in cv]; n=math.sqrt(sum(x*x for x in v))
    return [x/n for x in v] if n else None, cs, ' '.join(rest)
cases=[]
for name,sp,cols in [('backpack',{414:.9,748:.05},[('navy',.7),('black',.2)]),('dress',{578:.45,601:.2,689:.1,399:.05},[('red',.8)]),('shirt_spread',{617:.2,841:.15,610:.15,834:.1,0:.1},[('white',.6),('grey',.3)]),('unsure',{412:.15,620:.15,850:.12,951:.1},[]),('scene',{970:.8,437:.1},[('blue',.5),('nothing',.5)]),('tie_of_two',{531:.5,679:.5},[('gold',1.)]),('cup',{504:.55,968:.3,967:.1},[('white',.97)])]:
    rest=(1-sum(sp.values()))/1000; p=[rest]*1000
    for k,x in sp.items(): p[k]+=x
    v=textvec(p,cols); 
    cases.append(dict(name=name,spikes={str(k):x for k,x in sp.items()},floor=rest,colours=cols,category=category(p),text={str(i):round(v[i],6) for i in list(sp)[:2]+list(range(1000,1017))}))
qs=[]
for q in ['red trainers','Navy blue suit trousers in navy','silver','something to sit on','GOLDEN earrings and','zzz']:
    v,cs,rest=query(q); top=sorted(range(1000),key=lambda i:(-v[i],i))[:8]
    qs.append(dict(query=q,colours=cs,rest=rest,top={str(i):round(v[i],6) for i in top},colour=[round(x,6) for x in v[1000:]]))
json.dump(dict(dimensions=1017,names=NAMES,cases=cases,queries=qs),open(HERE+'/golden.json','w'),indent=1)
for c in cases: print(c['name'],c['category'])
for q in qs: print(q['query'],q['colours'],q['rest'],q['top'])
